#include "ggufmap/pagecache.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ggufmap/error.hpp"
#include "support/fake_page_cache.hpp"
#include "support/warm_file.hpp"

using namespace ggufmap;
using test::FakePageCache;
using test::WarmFile;

namespace {

const std::uint64_t page = page_size();

}  // namespace

TEST_CASE("page maps count bytes, not pages") {
    PageMap map({8 * page, 200 * page - 100}, page);
    CHECK(map.page_count() == 200);
    map.set(1);
    map.set(60, 80);
    map.set(199);
    CHECK(map.present_bytes({8 * page, 200 * page - 100}) == 82 * page - 100);
    CHECK(map.present_bytes({9 * page - 10, 20}) == 10);
    CHECK(map.present_bytes({9 * page + 10, 20}) == 20);
    CHECK(map.present_bytes({10 * page, page}) == 0);
    CHECK(map.present_bytes({9 * page, 0}) == 0);
    const std::vector<Range> present = {{9 * page, page}, {68 * page, 80 * page}, {207 * page, page - 100}};
    CHECK(map.stretches(true) == present);
    const std::vector<Range> absent = {{8 * page, page}, {10 * page, 58 * page}, {148 * page, 59 * page}};
    CHECK(map.stretches(false) == absent);
    CHECK(total_size(present) + total_size(absent) == map.covered().size);
}

TEST_CASE("maps of the same range unite") {
    PageMap one({0, 3 * page}, page);
    PageMap other({0, 3 * page}, page);
    one.set(0);
    other.set(2);
    one |= other;
    CHECK(one.stretches(false) == std::vector<Range>{{page, page}});
}

TEST_CASE("unknown plus anything is unknown") {
    CacheCounts sum{4, 2, 1, 0, 0, 0};
    sum += {4, 1, std::nullopt, 0, 3, 0};
    CHECK(sum == CacheCounts{8, 3, std::nullopt, 0, 3, 0});
}

TEST_CASE("a page that two neighbours share counts for each with the bytes it holds of it") {
    const WarmFile disk(4 * page);
    const File file = disk.open();
    FakePageCache cache(file.size());
    cache.set_resident(1, 1);
    cache.set_dirty(1, 1);
    const std::uint64_t border = page + 1000;
    const CacheCounts before = count_bytes(cache, file, {0, border});
    const CacheCounts behind = count_bytes(cache, file, {border, 4 * page - border});
    CHECK(before.resident == 1000);
    CHECK(behind.resident == page - 1000);
    CHECK(before.dirty == 1000);
    CHECK(before.total == border);
    CHECK(count_bytes(cache, file, {page + 5, 10}).resident == 10);
    CHECK(count_bytes(cache, file, {0, 100 * page}).resident == page);
    CHECK(count_bytes(FakePageCache(file.size(), false), file, {0, page}).resident == std::nullopt);
}

TEST_CASE("what is missing is cut to what was asked for") {
    const WarmFile disk(4 * page);
    const File file = disk.open();
    FakePageCache cache(file.size());
    cache.set_resident(1, 1);
    CHECK(missing_ranges(cache, file, {10, 3 * page}) ==
          std::vector<Range>{{10, page - 10}, {2 * page, page + 10}});
    CHECK(missing_ranges(FakePageCache(file.size(), false), file, {10, page}) ==
          std::vector<Range>{{10, page}});
}

TEST_CASE("every way to ask the kernel finds the pages that were warmed") {
    using Allow = KernelPageCache::Allow;
    const WarmFile disk(64 * page + 17);
    disk.warm({3 * page, 2 * page});
    disk.warm({64 * page, 17});
    const File file = disk.open();
    for (const Allow allow : {Allow::everything, Allow::only_cachestat, Allow::only_mincore}) {
        const KernelPageCache cache(allow);
        if (cache.method(file) == CacheMethod::none) {
            MESSAGE("skipped: this kernel lacks a call");
            continue;
        }
        CHECK(cache.query(file, {0, file.size()}).resident == 3);
        CHECK(cache.query(file, {0, file.size()}).total == 65);
        CHECK(cache.query(file, {4 * page + 1, page}).resident == 1);
        CHECK(count_bytes(cache, file, {4 * page + 1, page}).resident == page - 1);
        CHECK(cache.query(file, {64 * page + 1, 1ULL << 40}).resident == 1);
        CHECK(cache.query(file, {100 * page, page}) == CacheCounts{0, 0, 0, 0, 0, 0});
        CHECK(cache.map(file, {page, 1ULL << 40})->stretches(true) ==
              std::vector<Range>{{3 * page, 2 * page}, {64 * page, 17}});
    }
}

TEST_CASE("a few pages of a huge file are found, whichever way the kernel is asked") {
    const WarmFile disk(3 * page);
    const std::uint64_t size = 64ULL << 30;
    REQUIRE(::truncate(disk.path().c_str(), static_cast<off_t>(size)) == 0);
    disk.evict();
    disk.warm({1 * page, page});
    disk.warm({size - page, page});
    const File file = disk.open();
    const KernelPageCache cache;
    if (cache.method(file) == CacheMethod::none) {
        MESSAGE("skipped: this kernel tells nothing");
        return;
    }
    const auto present = cache.map(file, {0, size})->stretches(true);
    CHECK(present == std::vector<Range>{{page, page}, {size - page, page}});
    const auto absent = cache.map(file, {0, size})->stretches(false);
    CHECK(absent == std::vector<Range>{{0, page}, {2 * page, size - 3 * page}});
}

TEST_CASE("asking changes nothing") {
    const WarmFile disk(512 * page);
    disk.warm({0, page});
    const File file = disk.open();
    const KernelPageCache by_mincore(KernelPageCache::Allow::only_mincore);
    const KernelPageCache by_cachestat;
    for (int round = 0; round < 3; ++round) {
        CHECK(by_mincore.map(file, {0, file.size()})->present_bytes({0, file.size()}) == page);
        CHECK(by_cachestat.query(file, {0, file.size()}).resident == 1);
    }
}

TEST_CASE("dirty and evicted pages are told apart") {
    const WarmFile disk(16 * page);
    const File file = disk.open();
    const KernelPageCache cache;
    if (cache.method(file) != CacheMethod::cachestat) return;
    disk.warm({0, 4 * page});
    disk.dirty({page, 10});
    CHECK(cache.query(file, {0, file.size()}).dirty == 1);
    CHECK(count_bytes(cache, file, {page, 20}).dirty == 20);
}

TEST_CASE("without an honest call everything is unknown") {
    const WarmFile disk(4 * page);
    const File file = disk.open();
    const KernelPageCache cache(KernelPageCache::Allow::nothing);
    CHECK(cache.method(file) == CacheMethod::none);
    CHECK(cache.query(file, {0, page}) == CacheCounts{1, {}, {}, {}, {}, {}});
    CHECK_FALSE(cache.map(file, {0, page}));
}

TEST_CASE("a stranger's read-only file is unknown, not resident") {
    if (::geteuid() != 0) {
        MESSAGE("skipped: only root can become a stranger");
        return;
    }
    const WarmFile disk(4 * page);
    const File file = disk.open();
    ::fchmod(disk.fd(), 0644);
    const pid_t child = ::fork();
    if (child == 0) {
        constexpr uid_t nobody = 65534;
        if (::setresuid(nobody, nobody, nobody) != 0) ::_exit(9);
        const KernelPageCache cache(KernelPageCache::Allow::only_mincore);
        const bool unknown = cache.method(file) == CacheMethod::none && !cache.map(file, {0, page});
        ::_exit(unknown ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("hugetlbfs: what is allocated is resident") {
    Fd fd(::memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB));
    if (!fd || ::ftruncate(fd.get(), 2 << 20) != 0) {
        MESSAGE("skipped: no huge pages here");
        return;
    }
    const File file = File::adopt(std::move(fd), "huge");
    const KernelPageCache cache;
    CHECK(cache.method(file) == CacheMethod::allocation);
    CHECK(cache.query(file, {0, file.size()}).resident == 0);
    CHECK(cache.map(file, {0, file.size()})->stretches(true).empty());
}

TEST_CASE("tmpfs holds what was written") {
    Fd fd(::memfd_create("model", MFD_CLOEXEC));
    REQUIRE(fd);
    REQUIRE(::ftruncate(fd.get(), static_cast<off_t>(8 * page)) == 0);
    REQUIRE(::pwrite(fd.get(), "x", 1, static_cast<off_t>(2 * page)) == 1);
    const File file = File::adopt(std::move(fd), "model");
    for (const auto allow : {KernelPageCache::Allow::everything, KernelPageCache::Allow::only_mincore}) {
        const KernelPageCache cache(allow);
        CHECK(cache.query(file, {0, file.size()}).resident == 1);
    }
}
