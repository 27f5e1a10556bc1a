// The size of a huge page: 2 MiB on x86-64, and on arm64 with pages of 4 KiB.
#pragma once

#include <cstddef>

namespace ggufmap::detail {

/// In bytes. Also the largest folio that the page cache takes for a fault: where offset and address agree
/// modulo this, one entry of the page table can map it.
constexpr std::size_t huge_page = std::size_t{2} << 20;

}  // namespace ggufmap::detail
