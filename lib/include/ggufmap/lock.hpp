// Whether memory may be locked, asked before it is tried: a lock beyond the limit of a control group is
// answered by the kernel's OOM killer, not by an error.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ggufmap/export.hpp"
#include "ggufmap/memory.hpp"
#include "ggufmap/model.hpp"
#include "ggufmap/pagecache.hpp"
#include "ggufmap/select.hpp"

namespace ggufmap {

/// What this process may lock and what there is. All in bytes.
struct LockLimits {
    std::optional<std::uint64_t> may_lock;  ///< RLIMIT_MEMLOCK; nothing: no limit, or CAP_IPC_LOCK
    std::uint64_t locked = 0;               ///< by this process already
    std::uint64_t hard_limit = 0;           ///< up to which the caller may raise it himself
    std::string container;                  ///< as container_of() names it; "" outside
    AvailableMemory memory;
};
/// Throws Error (io).
GGUFMAP_API LockLimits lock_limits(const KernelRoots& roots = {});

/// Memory that locking `bytes` takes beside them: page tables, and what the kernel charges a control group in
/// advance.
GGUFMAP_API std::uint64_t lock_overhead(std::uint64_t bytes);

/// What stands in the way and how it is moved out of it.
struct LockObstacle {
    std::string reason;  ///< "RLIMIT_MEMLOCK allows 8.0 MiB, ..."
    std::string fix;     ///< a command or setting
};
/// What a lock asks for, in bytes of whole pages.
struct LockNeed {
    std::uint64_t locked = 0;  ///< counts against RLIMIT_MEMLOCK
    std::uint64_t memory = 0;  ///< can no longer be reclaimed, and could be before, or was not there
};
/// Sorted, disjoint `ranges`. Pages of tmpfs that are resident take no more memory when they are locked;
/// those of hugetlbfs cannot leave and are in no need of a lock.
GGUFMAP_API LockNeed lock_need(const PageCache& cache, const Model& model,
                               std::span<const ShardRange> ranges);
/// Pages of the model that are resident already count as reclaimable, so they do not count twice. Empty:
/// nothing stands in the way.
GGUFMAP_API std::vector<LockObstacle> lock_obstacles(const LockLimits& limits, const LockNeed& need);

/// How many mappings this process may have: each range that is locked on its own takes two more.
struct MappingLimits {
    std::uint64_t allowed = 0;  ///< vm.max_map_count
    std::uint64_t taken = 0;
};
GGUFMAP_API MappingLimits mapping_limits(const KernelRoots& roots = {});
/// Leaves the first of `ranges` (sorted, disjoint), as many as may be mapped apart, and says why not all.
GGUFMAP_API std::optional<LockObstacle> cut_to_mappings(std::vector<ShardRange>& ranges,
                                                        const MappingLimits& limits);

struct LockOutcome {
    std::uint64_t bytes = 0;              ///< of the ranges, handed to `lock`
    std::vector<LockObstacle> obstacles;  ///< why not the rest
};
/// Hands `ranges` piece by piece to `lock`, and looks before each at what memory is left: it may have gone to
/// others since it was looked at last. Pieces are 8 MiB, where less than 1 GiB is left 2 MiB. Sorted,
/// disjoint ranges; throws what `lock` throws.
GGUFMAP_API LockOutcome lock_in_steps(
    const PageCache& cache, const Model& model, std::span<const ShardRange> ranges,
    const std::function<void(const ShardRange&)>& lock,
    const std::function<LockLimits()>& look = [] { return lock_limits(); });

}  // namespace ggufmap
