#include "ggufmap/lock.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "detail/cgroup_place.hpp"
#include "detail/kernel_files.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/process.hpp"

namespace ggufmap {
namespace {

// Source: include/uapi/linux/capability.h.
constexpr int cap_ipc_lock = 14;

std::string mebibytes(std::uint64_t bytes) {
    return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

bool may_lock_anything(std::string_view status) {
    constexpr std::string_view key = "CapEff:\t";
    const auto at = status.find(key);
    if (at == std::string_view::npos) return false;
    status.remove_prefix(at + key.size());
    std::string_view line = detail::next_line(status);
    const auto capabilities = detail::hexadecimal(detail::next_word(line));
    return capabilities && (*capabilities >> cap_ipc_lock & 1) != 0;
}

std::string fix_of_limit(const LockLimits& limits, std::uint64_t needed) {
    const std::uint64_t kibibytes = (needed + 1023) / 1024;
    if (needed <= limits.hard_limit) return fmt::format("ulimit -l {}", kibibytes);
    if (limits.container.starts_with("docker") || limits.container.starts_with("podman"))
        return fmt::format("start the container with --ulimit memlock={} or --cap-add IPC_LOCK",
                           kibibytes * 1024);
    if (limits.container.starts_with("kubernetes"))
        return "add IPC_LOCK to securityContext.capabilities of the container";
    if (limits.container.starts_with("systemd"))
        return fmt::format("set LimitMEMLOCK={} in the unit", kibibytes * 1024);
    return fmt::format(
        "as root: prlimit --pid $$ --memlock={}, or '* - memlock {}' in /etc/security/limits.conf and a new "
        "login",
        kibibytes * 1024, kibibytes);
}

std::string fix_of_group(const LockLimits& limits, const CgroupMemory& group, std::uint64_t needed) {
    const std::uint64_t wanted = needed + group.usage - std::min(group.usage, group.reclaimable);
    if (limits.container.starts_with("docker") || limits.container.starts_with("podman"))
        return fmt::format("give the container --memory={}m", (wanted >> 20) + 1);
    if (limits.container.starts_with("systemd"))
        return fmt::format("set MemoryMax={}M in the unit", (wanted >> 20) + 1);
    return fmt::format("raise the memory limit of control group {} to {}", group.path, mebibytes(wanted));
}

}  // namespace

LockLimits lock_limits(const KernelRoots& roots) {
    LockLimits limits;
    rlimit limit{};
    if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0) throw io_error({}, "cannot read RLIMIT_MEMLOCK", errno);
    const std::string status = detail::read_kernel_file(roots.proc + "/self/status").value_or("");
    if (limit.rlim_cur != RLIM_INFINITY && !may_lock_anything(status)) limits.may_lock = limit.rlim_cur;
    limits.hard_limit = limit.rlim_max;
    limits.locked = detail::number_after(status, "VmLck:") * 1024;
    if (const auto place =
            detail::cgroup_place(detail::read_kernel_file(roots.proc + "/self/cgroup").value_or("")))
        limits.container = container_of(place->path);
    limits.memory = available_memory(roots);
    return limits;
}

std::uint64_t lock_overhead(std::uint64_t bytes) {
    // Charges come in batches of 64 pages a processor, and memory.stat lags behind by as many
    // (mm/memcontrol.c, MEMCG_CHARGE_BATCH). With two processors a lock of all that 200 MiB had left was
    // killed, one of 4 MiB less never. As much again for what others lock at the same moment.
    constexpr std::uint64_t least = 8 << 20;
    constexpr std::uint64_t batch = 64;
    static const auto processors = static_cast<std::uint64_t>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
    return page_table_bytes(bytes) + std::max(least, 2 * batch * page_size() * processors);
}

LockNeed lock_need(const PageCache& cache, const Model& model, std::span<const ShardRange> ranges) {
    LockNeed need;
    std::uint64_t end = 0;  // of the pages of the range before
    const ShardRange* before = nullptr;
    for (const ShardRange& one : ranges) {
        const File& file = model.shards()[one.shard].file;
        const PageHome home = page_home(file);
        if (home == PageHome::hugetlbfs) continue;
        Range pages = page_cover(one.range, page_size());
        if (before != nullptr && before->shard == one.shard && pages.offset < end)
            pages = {end, pages.end() - std::min(end, pages.end())};
        before = &one;
        end = std::max(end, pages.end());
        need.locked += pages.size;
        need.memory += pages.size;
        if (home == PageHome::tmpfs && !pages.empty())
            need.memory -= std::min(pages.size, cache.query(file, pages).resident.value_or(0) * page_size());
    }
    return need;
}

std::vector<LockObstacle> lock_obstacles(const LockLimits& limits, const LockNeed& need) {
    std::vector<LockObstacle> obstacles;
    const std::uint64_t locked = need.locked + limits.locked;
    if (limits.may_lock && need.locked != 0 && *limits.may_lock < locked)
        obstacles.push_back({fmt::format("RLIMIT_MEMLOCK allows {}, {} are to be locked",
                                         mebibytes(*limits.may_lock), mebibytes(locked)),
                             fix_of_limit(limits, locked)});
    if (need.memory == 0) return obstacles;
    const std::uint64_t all = need.memory + lock_overhead(need.memory);
    for (const CgroupMemory& group : limits.memory.cgroups) {
        const auto left = group.available();
        if (left && *left < all)
            obstacles.push_back(
                {fmt::format("control group {} has {} left, a lock of {} takes {}: the kernel "
                             "would kill the process",
                             group.path, mebibytes(*left), mebibytes(need.memory), mebibytes(all)),
                 fix_of_group(limits, group, all)});
    }
    if (limits.memory.host.available < all)
        obstacles.push_back(
            {fmt::format("this machine has {} available, a lock of {} takes {}",
                         mebibytes(limits.memory.host.available), mebibytes(need.memory), mebibytes(all)),
             "lock less: --budget auto, or a selection such as --part attn,norm"});
    return obstacles;
}

MappingLimits mapping_limits(const KernelRoots& roots) {
    constexpr std::uint64_t usual = 65530;  // Documentation/admin-guide/sysctl/vm.rst
    const std::string maps = detail::read_kernel_file(roots.proc + "/self/maps").value_or("");
    return {detail::read_kernel_number(roots.proc + "/sys/vm/max_map_count").value_or(usual),
            static_cast<std::uint64_t>(std::count(maps.begin(), maps.end(), '\n'))};
}

std::optional<LockObstacle> cut_to_mappings(std::vector<ShardRange>& ranges, const MappingLimits& limits) {
    // For whatever else this process maps: buffers, libraries, stacks.
    constexpr std::uint64_t spare = 512;
    const std::uint64_t used = limits.taken + spare;
    std::uint64_t needed = 0;
    std::size_t fit = 0;
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        const bool touches = i != 0 && ranges[i - 1].shard == ranges[i].shard &&
                             page_cover(ranges[i - 1].range, page_size()).end() >=
                                 ranges[i].range.offset / page_size() * page_size();
        if (!touches) needed += 2;
        if (used + needed <= limits.allowed) fit = i + 1;
    }
    if (fit == ranges.size()) return std::nullopt;
    LockObstacle obstacle{
        fmt::format("{} of {} ranges are left out: locked apart they would take more mappings "
                    "than vm.max_map_count allows, {}",
                    ranges.size() - fit, ranges.size(), limits.allowed),
        fmt::format("as root: sysctl vm.max_map_count={}", used + needed)};
    ranges.resize(fit);
    return obstacle;
}

}  // namespace ggufmap
