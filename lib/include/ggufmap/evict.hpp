// Lets chosen parts of a model go from the page cache.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ggufmap/export.hpp"
#include "ggufmap/model.hpp"
#include "ggufmap/pagecache.hpp"
#include "ggufmap/process.hpp"
#include "ggufmap/select.hpp"

namespace ggufmap {

/// A process that has some of the pages in its page tables.
struct Holder {
    int pid = 0;
    std::string command;                  ///< unescaped
    std::optional<std::uint64_t> bytes;   ///< of the selection; nothing where we may not look
    std::optional<std::uint64_t> locked;  ///< of its mappings of the model, by mlock
    bool refused = false;                 ///< we were not permitted to page it out
};

struct EvictResult {
    CacheCounts before;  ///< of the selection, in bytes
    CacheCounts after;
    std::uint64_t stayed = 0;     ///< bytes of pages that were to go and are still resident
    std::vector<Holder> holders;  ///< where something stayed: by PID
    bool all_seen = true;         ///< no process that may hold something was kept from us
};

/// Evicts what nobody maps. A page that the selection shares with a neighbour stays, and so do pages that are
/// locked or mapped. With `from_processes` also pages it out of processes that map it, as far as we are
/// permitted (CAP_SYS_NICE, before Linux 6.13 for one's own processes, too). Throws Error (io).
GGUFMAP_API EvictResult evict(const PageCache& cache, const ProcessTable& processes, const Model& model,
                              std::span<const ShardRange> ranges, bool from_processes);

}  // namespace ggufmap
