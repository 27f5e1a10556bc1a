// Arithmetic on counts of pages.
#pragma once

#include <cstdint>

#include "ggufmap/pagecache.hpp"

namespace ggufmap::detail {

/// Every counter is unknown, nothing, or all pages: then it is so for each byte, too.
bool uniform(const CacheCounts& pages);

/// What uniform counts say about `bytes` bytes among those pages.
CacheCounts spread(const CacheCounts& pages, std::uint64_t bytes);

/// Counts of whole pages, each of which holds `bytes` bytes of what is asked for.
CacheCounts scaled(CacheCounts pages, std::uint64_t bytes);

}  // namespace ggufmap::detail
