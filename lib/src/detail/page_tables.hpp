// Which pages a process has in its page tables.
#pragma once

#include <cstdint>
#include <optional>

#include "ggufmap/pagecache.hpp"

namespace ggufmap::detail {

/// `pagemap` is /proc/PID/pagemap. Sets the pages of `map` that are present behind `address`; page 0 of the
/// map is the one at `address`. False where the kernel does not know PAGEMAP_SCAN (before 6.7).
bool scan_present(int pagemap, std::uint64_t address, PageMap& map);

/// The same by reading 8 bytes a page. False where nothing can be read: the process has ended.
bool read_present(int pagemap, std::uint64_t address, PageMap& map);

}  // namespace ggufmap::detail
