#include "ggufmap/lock.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include "ggufmap/error.hpp"
#include "support/fake_page_cache.hpp"
#include "support/make_gguf.hpp"
#include "support/temporary_directory.hpp"

using namespace ggufmap;

namespace {

constexpr std::uint64_t mib = 1 << 20;

LockLimits plenty() {
    LockLimits limits;
    limits.memory.host.available = 8192 * mib;
    return limits;
}

// That are on a disk.
LockNeed pages(std::uint64_t bytes) { return {bytes, bytes}; }

// On machines with many processors more is kept free than these numbers tell.
bool few_processors() { return ::sysconf(_SC_NPROCESSORS_ONLN) <= 16; }

// A control group in which `left` bytes can be had, and whoever locks takes from it.
struct Group {
    explicit Group(std::uint64_t bytes) : left(bytes) {}

    LockLimits look() {
        ++looks;
        LockLimits limits = plenty();
        limits.memory.cgroups = {
            {.path = "/jobs", .limit = 1024 * mib, .usage = 1024 * mib, .reclaimable = left}};
        return limits;
    }
    LockOutcome lock(const Model& model, const std::vector<ShardRange>& ranges) {
        const test::FakePageCache cold(model.file_bytes());
        return lock_in_steps(
            cold, model, ranges,
            [&](const ShardRange& piece) {
                pieces.push_back(piece.range);
                left -= std::min(left, piece.range.size);
            },
            [&] { return look(); });
    }

    std::uint64_t left;
    int looks = 0;
    std::vector<Range> pieces;
};

struct LargeModel {
    test::TemporaryDirectory directory;
    Model model = Model::open(directory.write("m.gguf", test::make_gguf("tensor a I8 12582912\n")));
    std::vector<ShardRange> all = {{0, {0, model.file_bytes()}}};
};

}  // namespace

TEST_CASE("nothing stands in the way of a lock that fits") {
    LockLimits limits = plenty();
    CHECK(lock_obstacles(limits, pages(4096 * mib)).empty());
    limits.may_lock = 8 * mib;
    CHECK(lock_obstacles(limits, pages(8 * mib)).empty());
}

TEST_CASE("what is locked already counts against RLIMIT_MEMLOCK") {
    LockLimits limits = plenty();
    limits.may_lock = 8 * mib;
    limits.locked = mib;
    const auto obstacles = lock_obstacles(limits, pages(8 * mib));
    REQUIRE(obstacles.size() == 1);
    CHECK(obstacles[0].reason == "RLIMIT_MEMLOCK allows 8.0 MiB, 9.0 MiB are to be locked");
}

TEST_CASE("the fix for RLIMIT_MEMLOCK is the one that works there") {
    LockLimits limits = plenty();
    limits.may_lock = 8 * mib;
    limits.hard_limit = 64 * mib;
    CHECK(lock_obstacles(limits, pages(64 * mib))[0].fix == "ulimit -l 65536");
    CHECK(lock_obstacles(limits, pages(65 * mib))[0].fix ==
          "as root: prlimit --pid $$ --memlock=68157440, or '* - memlock 66560' in "
          "/etc/security/limits.conf and a new login");
    limits.container = "docker 0123456789ab";
    CHECK(lock_obstacles(limits, pages(65 * mib))[0].fix ==
          "start the container with --ulimit memlock=68157440 or --cap-add IPC_LOCK");
    limits.container = "kubernetes 0123456789ab";
    CHECK(lock_obstacles(limits, pages(65 * mib))[0].fix ==
          "add IPC_LOCK to securityContext.capabilities of the container");
    limits.container = "systemd llama.service";
    CHECK(lock_obstacles(limits, pages(65 * mib))[0].fix == "set LimitMEMLOCK=68157440 in the unit");
}

TEST_CASE("a lock beyond a control group is refused before the kernel kills") {
    if (!few_processors()) return;
    LockLimits limits = plenty();
    CgroupMemory group;
    group.path = "/jobs";
    group.limit = 1024 * mib;
    group.usage = 500 * mib;
    group.reclaimable = 400 * mib;
    limits.memory.cgroups = {group};
    CHECK(lock_obstacles(limits, pages(914 * mib)).empty());
    const auto obstacles = lock_obstacles(limits, pages(925 * mib));
    REQUIRE(obstacles.size() == 1);
    CHECK(obstacles[0].reason ==
          "control group /jobs has 924.0 MiB left, a lock of 925.0 MiB takes 934.8 MiB: the kernel would "
          "kill the "
          "process");
    CHECK(obstacles[0].fix == "raise the memory limit of control group /jobs to 1034.8 MiB");
    limits.container = "systemd llama.service";
    CHECK(lock_obstacles(limits, pages(925 * mib))[0].fix == "set MemoryMax=1035M in the unit");
}

TEST_CASE("a lock beyond the machine's memory is refused") {
    CHECK(lock_obstacles(plenty(), pages(8193 * mib)).size() == 1);
}

TEST_CASE("this process's own limits are read") {
    const LockLimits limits = lock_limits();
    CHECK(limits.memory.host.total > 0);
    if (limits.may_lock) CHECK(*limits.may_lock <= limits.hard_limit);
}

TEST_CASE("what fits is locked in pieces that cut no huge page") {
    const LargeModel large;
    Group group(900 * mib);
    const LockOutcome outcome = group.lock(large.model, large.all);
    CHECK(outcome.obstacles.empty());
    CHECK(outcome.bytes == large.model.file_bytes());
    CHECK(group.pieces.front() == Range{0, 2 * mib});
    CHECK(group.pieces.back().end() == large.model.file_bytes());
    CHECK(group.looks == static_cast<int>(group.pieces.size()));
    for (const Range piece : group.pieces) CHECK(piece.offset % (2 * mib) == 0);
}

TEST_CASE("a lock ends where others have taken the memory") {
    if (!few_processors()) return;
    const LargeModel large;
    Group group(15 * mib);  // 8 MiB of them stay free
    const LockOutcome outcome = group.lock(large.model, large.all);
    CHECK(outcome.bytes == 6 * mib);
    REQUIRE(outcome.obstacles.size() == 1);
    CHECK(outcome.obstacles[0].reason.starts_with(
        "control group /jobs has 9.0 MiB left, a lock of 6.0 MiB takes 14.0 MiB"));
}

TEST_CASE("what was locked counts, even where the kernel still calls it reclaimable") {
    if (!few_processors()) return;
    const LargeModel large;
    Group group(15 * mib);
    const test::FakePageCache cold(large.model.file_bytes());
    const LockOutcome outcome = lock_in_steps(
        cold, large.model, large.all, [](const ShardRange&) {}, [&] { return group.look(); });
    CHECK(outcome.bytes == 6 * mib);
}

TEST_CASE("small ranges are not looked at one by one") {
    const LargeModel large;
    Group group(900 * mib);
    std::vector<ShardRange> ranges;
    for (std::uint64_t at = 0; at < 8 * mib; at += 8192) ranges.push_back({0, {at, 4096}});
    CHECK(group.lock(large.model, ranges).bytes == 4 * mib);
    CHECK(group.looks == 2);
}

TEST_CASE("ranges that would take too many mappings are left out") {
    const auto apart = [](std::uint64_t count) {
        std::vector<ShardRange> ranges;
        for (std::uint64_t i = 0; i < count; ++i) ranges.push_back({0, {i * 2 * page_size(), page_size()}});
        return ranges;
    };
    auto ranges = apart(50);
    CHECK_FALSE(cut_to_mappings(ranges, {1000, 300}).has_value());
    CHECK(ranges.size() == 50);
    ranges = apart(100);
    const auto obstacle = cut_to_mappings(ranges, {1000, 300});
    CHECK(ranges.size() == 94);
    REQUIRE(obstacle);
    CHECK(obstacle->reason ==
          "6 of 100 ranges are left out: locked apart they would take more mappings than vm.max_map_count "
          "allows, 1000");
    CHECK(obstacle->fix == "as root: sysctl vm.max_map_count=1012");
    std::vector<ShardRange> neighbours;
    for (std::uint64_t i = 0; i < 1000; ++i) neighbours.push_back({0, {i * page_size(), page_size()}});
    CHECK_FALSE(cut_to_mappings(neighbours, {1000, 300}).has_value());
    CHECK(mapping_limits().taken > 10);
}
