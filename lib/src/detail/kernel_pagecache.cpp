// The kernel's own answers: cachestat, mincore, and what hugetlbfs has allocated.
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "ggufmap/checked.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/pagecache.hpp"

namespace ggufmap {
namespace {

// Source: include/uapi/linux/mman.h and the call's number on every architecture; glibc 2.36 has no wrapper.
constexpr long cachestat_number = 451;
struct CachestatRange {
    std::uint64_t offset;
    std::uint64_t length;  // 0: to the end
};
struct Cachestat {
    std::uint64_t cached;
    std::uint64_t dirty;
    std::uint64_t writeback;
    std::uint64_t evicted;
    std::uint64_t recently_evicted;
};

bool call_cachestat(int fd, Range range, Cachestat& result) {
    CachestatRange asked{range.offset, range.size};
    return ::syscall(cachestat_number, fd, &asked, &result, 0) == 0;
}

long file_system_of(int fd) {
    struct statfs status {};
    return ::fstatfs(fd, &status) == 0 ? static_cast<long>(status.f_type) : 0;
}

// An address range over a stretch of a file. Nobody touches it, so it brings no page in.
class Untouched {
public:
    Untouched(int fd, Range pages) : size_(pages.size) {
        address_ = ::mmap(nullptr, pages.size, PROT_NONE, MAP_SHARED, fd, static_cast<off_t>(pages.offset));
    }
    ~Untouched() {
        if (*this) ::munmap(address_, size_);
    }
    Untouched(const Untouched&) = delete;
    Untouched& operator=(const Untouched&) = delete;

    explicit operator bool() const { return address_ != MAP_FAILED; }
    // One byte a page, bit 0: resident.
    bool residency(unsigned char* pages) const { return ::mincore(address_, size_, pages) == 0; }

private:
    void* address_;
    std::uint64_t size_;
};

// Where the caller may neither write the file nor owns it, mincore calls every page resident, even one far
// beyond the end of the file: so that is what we ask about. (A folio may reach beyond the end, but not so
// far.)
bool mincore_is_honest(const File& file) {
    constexpr std::uint64_t far = 1ULL << 30;
    const auto beyond = checked::align_up(file.size() + far, page_size());
    const Untouched probe(file.fd(), {*beyond, page_size()});
    unsigned char answer = 1;
    return probe && probe.residency(&answer) && (answer & 1) == 0;
}

// 64 KiB of answers at a time.
constexpr std::uint64_t mincore_window_pages = 65536;

PageMap map_by_mincore(const File& file, Range covered) {
    const std::uint64_t page = page_size();
    PageMap map(covered, page);
    std::vector<unsigned char> answers(std::min(mincore_window_pages, map.page_count()));
    for (std::uint64_t first = 0; first < map.page_count(); first += mincore_window_pages) {
        const std::uint64_t count = std::min(mincore_window_pages, map.page_count() - first);
        const Untouched window(file.fd(), {covered.offset + first * page, count * page});
        if (!window || !window.residency(answers.data()))
            throw io_error({file.name(), {}, covered.offset + first * page}, "cannot ask mincore", errno);
        for (std::uint64_t i = 0; i < count; ++i) {
            if ((answers[i] & 1) != 0) map.set(first + i);
        }
    }
    return map;
}

// Splits until a piece is all there or all absent; log2(pages) calls for each border.
void map_by_cachestat(const File& file, PageMap& map, std::uint64_t first, std::uint64_t count) {
    Cachestat counts{};
    const Range asked{map.covered().offset + first * map.page(), count * map.page()};
    if (!call_cachestat(file.fd(), asked, counts))
        throw io_error({file.name()}, "cannot ask cachestat", errno);
    if (counts.cached == 0) return;
    if (counts.cached >= count) {
        map.set(first, count);
    } else if (count > 1) {
        map_by_cachestat(file, map, first, count / 2);
        map_by_cachestat(file, map, first + count / 2, count - count / 2);
    }
}

// A page in the middle of nothing costs 2 x log2(pages) calls of 0.4 us, a page of mincore's answer 65 ns:
// below one page in 512 cachestat is ahead. A sparse file of 1 TiB with a handful of pages takes 4 s by
// mincore.
constexpr std::uint64_t bisecting_pays = 512;

// Pages of hugetlbfs stay until the file goes. Where some are allocated and some not, only their number is
// known.
std::optional<std::uint64_t> allocated_pages(const File& file, Range range, std::uint64_t pages) {
    struct stat status {};
    if (::fstat(file.fd(), &status) != 0) throw io_error({file.name()}, "cannot stat", errno);
    const auto allocated = static_cast<std::uint64_t>(status.st_blocks) * 512;
    if (allocated == 0) return 0;
    if (allocated >= file.size()) return pages;
    if (range == Range{0, file.size()}) return allocated / page_size();
    return std::nullopt;
}

Range cut_to_file(const File& file, Range range) { return intersection(range, {0, file.size()}); }

// The pages around `range`, the last one cut at the end of the file.
Range covered_pages(const File& file, Range range) {
    return cut_to_file(file, page_cover(range, page_size()));
}

}  // namespace

CacheMethod KernelPageCache::decide(const File& file) const {
    if (allow_ == Allow::nothing) return CacheMethod::none;
    const long file_system = file_system_of(file.fd());
    if (file_system == HUGETLBFS_MAGIC) return CacheMethod::allocation;
    // cachestat counts the overlay's own inode, which has no pages: 0 resident, always (seen on 6.18).
    if (allow_ != Allow::only_mincore && file_system != OVERLAYFS_SUPER_MAGIC) {
        Cachestat unused{};
        if (call_cachestat(file.fd(), {0, page_size()}, unused)) return CacheMethod::cachestat;
    }
    if (allow_ != Allow::only_cachestat && mincore_is_honest(file)) return CacheMethod::mincore;
    return CacheMethod::none;
}

CacheMethod KernelPageCache::method(const File& file) const {
    const auto key = std::pair(file.identity().device, file.identity().inode);
    const std::scoped_lock lock(mutex_);
    const auto found = known_.find(key);
    if (found != known_.end()) return found->second;
    return known_.emplace(key, decide(file)).first->second;
}

CacheCounts KernelPageCache::query(const File& file, Range range) const {
    const Range covered = covered_pages(file, cut_to_file(file, range));
    CacheCounts counts;
    counts.total = page_cover(covered, page_size()).size / page_size();
    if (covered.empty()) return {0, 0, 0, 0, 0, 0};
    switch (method(file)) {
        case CacheMethod::cachestat: {
            Cachestat answer{};
            if (!call_cachestat(file.fd(), covered, answer))
                throw io_error({file.name()}, "cannot ask cachestat", errno);
            counts.resident = answer.cached;
            counts.dirty = answer.dirty;
            counts.writeback = answer.writeback;
            counts.evicted = answer.evicted;
            counts.recently_evicted = answer.recently_evicted;
            break;
        }
        case CacheMethod::mincore: {
            const PageMap map = map_by_mincore(file, covered);
            counts.resident = page_cover({0, map.present_bytes(covered)}, page_size()).size / page_size();
            break;
        }
        case CacheMethod::allocation:
            counts.resident = allocated_pages(file, covered, counts.total);
            break;
        case CacheMethod::page_tables:  // of processes: not ours to say
        case CacheMethod::none:
            break;
    }
    return counts;
}

std::optional<PageMap> KernelPageCache::map(const File& file, Range range) const {
    const Range covered = covered_pages(file, cut_to_file(file, range));
    PageMap map(covered, page_size());
    const CacheMethod how = method(file);
    if (covered.empty() || how == CacheMethod::none) {
        if (covered.empty()) return map;
        return std::nullopt;
    }
    if (how == CacheMethod::mincore) return map_by_mincore(file, covered);
    const CacheCounts counts = query(file, covered);
    if (!counts.resident) return std::nullopt;
    if (*counts.resident == 0) return map;
    if (*counts.resident >= counts.total) {
        map.set(0, map.page_count());
        return map;
    }
    if (how == CacheMethod::allocation) return std::nullopt;
    const bool few = *counts.resident <= counts.total / bisecting_pays;
    if (!few && allow_ != Allow::only_cachestat && mincore_is_honest(file))
        return map_by_mincore(file, covered);
    map_by_cachestat(file, map, 0, map.page_count());
    return map;
}

}  // namespace ggufmap
