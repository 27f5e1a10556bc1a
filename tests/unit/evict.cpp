#include "ggufmap/evict.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/make_gguf.hpp"
#include "support/warm_file.hpp"

using namespace ggufmap;
using test::WarmFile;

namespace {

constexpr std::uint64_t size = 12 << 20;
const std::uint64_t page = page_size();

std::string model_bytes() {
    return test::make_gguf("kv general.architecture str llama\ntensor a.weight I8 " + std::to_string(size) +
                           "\n");
}

void warm_all(const WarmFile& disk) {
    std::vector<char> buffer(1 << 20);
    ::posix_fadvise(disk.fd(), 0, 0, POSIX_FADV_NORMAL);
    for (off_t at = 0; ::pread(disk.fd(), buffer.data(), buffer.size(), at) > 0;)
        at += static_cast<off_t>(buffer.size());
}

// Another process that has mapped the whole file and touched every page of it.
class Holding {
public:
    Holding(const WarmFile& disk, bool lock) {
        int ready[2] = {};
        REQUIRE(::pipe(ready) == 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            void* const address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, disk.fd(), 0);
            volatile char sum = 0;
            for (std::uint64_t at = 0; at < size; at += page)
                sum = static_cast<char>(sum + static_cast<const volatile char*>(address)[at]);
            // By number: AddressSanitizer makes mlock() do nothing.
            const char answer = lock && ::syscall(SYS_mlock, address, size) != 0 ? 'n' : 'y';
            if (::write(ready[1], &answer, 1) != 1) ::_exit(1);
            for (;;) ::pause();
        }
        char answer = 0;
        REQUIRE(::read(ready[0], &answer, 1) == 1);
        locked = answer == 'y';
        ::close(ready[0]);
        ::close(ready[1]);
    }
    ~Holding() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    Holding(const Holding&) = delete;
    Holding& operator=(const Holding&) = delete;

    int pid() const { return pid_; }
    bool locked = false;

private:
    pid_t pid_ = 0;
};

}  // namespace

TEST_CASE("what nobody maps goes, neighbours stay") {
    const WarmFile disk(model_bytes());
    const Model model = Model::open(disk.path());
    const KernelPageCache cache;
    const KernelProcessTable processes;
    warm_all(disk);
    // Neither end lies where a large folio could end.
    const std::vector<ShardRange> part = {{0, {(1 << 20) + 3 * page + 5, 6 << 20}}};
    const EvictResult result = evict(cache, processes, model, part, false);
    CHECK(result.before.resident == 6 << 20);
    // Two pages are shared with the neighbours.
    CHECK(result.after.resident == page);
    CHECK(result.holders.empty());
    const auto whole = cache.query(model.shards()[0].file, {0, model.file_bytes()});
    CHECK(*whole.resident == whole.total - ((6 << 20) / page - 1));
    CHECK(evict(cache, processes, model, std::vector<ShardRange>{{0, {0, model.file_bytes()}}}, false)
              .after.resident == 0);
}

TEST_CASE("what a process maps stays until it is paged out there") {
    const WarmFile disk(model_bytes());
    const Model model = Model::open(disk.path());
    const KernelPageCache cache;
    const KernelProcessTable processes;
    warm_all(disk);
    const std::vector<ShardRange> all = {{0, {0, model.file_bytes()}}};
    const Holding other(disk, false);
    const EvictResult kept = evict(cache, processes, model, all, false);
    CHECK(*kept.after.resident >= size);
    REQUIRE(kept.holders.size() == 1);
    CHECK(kept.holders[0].pid == other.pid());
    CHECK(*kept.holders[0].bytes >= size - page);
    CHECK_FALSE(kept.holders[0].refused);
    const EvictResult gone = evict(cache, processes, model, all, true);
    if (!gone.holders.empty() && gone.holders[0].refused) {
        MESSAGE("skipped: not permitted to page out another process");
        return;
    }
    CHECK(*gone.after.resident < size / 4);
}

TEST_CASE("what a process has locked stays, and is told") {
    const WarmFile disk(model_bytes());
    const Model model = Model::open(disk.path());
    const KernelPageCache cache;
    const KernelProcessTable processes;
    warm_all(disk);
    const Holding other(disk, true);
    if (!other.locked) {
        MESSAGE("skipped: RLIMIT_MEMLOCK is too low");
        return;
    }
    const std::vector<ShardRange> all = {{0, {0, model.file_bytes()}}};
    const EvictResult result = evict(cache, processes, model, all, true);
    CHECK(*result.after.resident >= size);
    REQUIRE(result.holders.size() == 1);
    CHECK(result.holders[0].locked == size);
}
