// What the kernel says about a stretch of this process's own address space.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace ggufmap::detail {

struct PresentPages {
    std::uint64_t bytes;        ///< present in the page tables
    std::uint64_t table_bytes;  ///< of the lowest-level tables that hold them
};

/// From /proc/self/pagemap; nothing where that cannot be read.
std::optional<PresentPages> present_pages(const std::byte* address, std::uint64_t size);

}  // namespace ggufmap::detail
