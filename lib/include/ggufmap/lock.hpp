// Whether memory may be locked, asked before it is tried: a lock beyond the limit of a control group is
// answered by the kernel's OOM killer, not by an error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ggufmap/export.hpp"
#include "ggufmap/memory.hpp"

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
/// `bytes` are to be locked. Pages of the model that are resident already count as reclaimable, so they do
/// not count twice. Empty: nothing stands in the way.
GGUFMAP_API std::vector<LockObstacle> lock_obstacles(const LockLimits& limits, std::uint64_t bytes);

}  // namespace ggufmap
