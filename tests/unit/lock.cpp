#include "ggufmap/lock.hpp"

#include <doctest/doctest.h>

using namespace ggufmap;

namespace {

constexpr std::uint64_t mib = 1 << 20;

LockLimits plenty() {
    LockLimits limits;
    limits.memory.host.available = 8192 * mib;
    return limits;
}

}  // namespace

TEST_CASE("nothing stands in the way of a lock that fits") {
    LockLimits limits = plenty();
    CHECK(lock_obstacles(limits, 4096 * mib).empty());
    limits.may_lock = 8 * mib;
    CHECK(lock_obstacles(limits, 8 * mib).empty());
}

TEST_CASE("what is locked already counts against RLIMIT_MEMLOCK") {
    LockLimits limits = plenty();
    limits.may_lock = 8 * mib;
    limits.locked = mib;
    const auto obstacles = lock_obstacles(limits, 8 * mib);
    REQUIRE(obstacles.size() == 1);
    CHECK(obstacles[0].reason == "RLIMIT_MEMLOCK allows 8.0 MiB, 9.0 MiB are to be locked");
}

TEST_CASE("the fix for RLIMIT_MEMLOCK is the one that works there") {
    LockLimits limits = plenty();
    limits.may_lock = 8 * mib;
    limits.hard_limit = 64 * mib;
    CHECK(lock_obstacles(limits, 64 * mib)[0].fix == "ulimit -l 65536");
    CHECK(lock_obstacles(limits, 65 * mib)[0].fix ==
          "as root: prlimit --pid $$ --memlock=68157440, or '* - memlock 66560' in "
          "/etc/security/limits.conf and a new login");
    limits.container = "docker 0123456789ab";
    CHECK(lock_obstacles(limits, 65 * mib)[0].fix ==
          "start the container with --ulimit memlock=68157440 or --cap-add IPC_LOCK");
    limits.container = "kubernetes 0123456789ab";
    CHECK(lock_obstacles(limits, 65 * mib)[0].fix ==
          "add IPC_LOCK to securityContext.capabilities of the container");
    limits.container = "systemd llama.service";
    CHECK(lock_obstacles(limits, 65 * mib)[0].fix == "set LimitMEMLOCK=68157440 in the unit");
}

TEST_CASE("a lock beyond a control group is refused before the kernel kills") {
    LockLimits limits = plenty();
    CgroupMemory group;
    group.path = "/jobs";
    group.limit = 1024 * mib;
    group.usage = 500 * mib;
    group.reclaimable = 400 * mib;
    limits.memory.cgroups = {group};
    CHECK(lock_obstacles(limits, 918 * mib).empty());
    const auto obstacles = lock_obstacles(limits, 925 * mib);
    REQUIRE(obstacles.size() == 1);
    CHECK(obstacles[0].reason ==
          "control group /jobs has 924.0 MiB left, a lock of 925.0 MiB takes 930.8 MiB: the kernel would "
          "kill the "
          "process");
    CHECK(obstacles[0].fix == "raise the memory limit of control group /jobs to 1030.8 MiB");
    limits.container = "systemd llama.service";
    CHECK(lock_obstacles(limits, 925 * mib)[0].fix == "set MemoryMax=1031M in the unit");
}

TEST_CASE("a lock beyond the machine's memory is refused") {
    CHECK(lock_obstacles(plenty(), 8193 * mib).size() == 1);
}

TEST_CASE("this process's own limits are read") {
    const LockLimits limits = lock_limits();
    CHECK(limits.memory.host.total > 0);
    if (limits.may_lock) CHECK(*limits.may_lock <= limits.hard_limit);
}
