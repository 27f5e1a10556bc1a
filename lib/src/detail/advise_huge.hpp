// Large tables on huge pages: a page fault for each 2 MiB instead of 512.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

#include "detail/huge_page.hpp"

namespace ggufmap::detail {

/// To be asked before the `size` bytes at `memory`, all of them ours, are written to for the first time.
/// Where the kernel has no huge pages for us, they stay as they are.
inline void advise_huge(void* memory, std::size_t size) {
    const auto begin = (reinterpret_cast<std::uintptr_t>(memory) + huge_page - 1) / huge_page * huge_page;
    const auto end = (reinterpret_cast<std::uintptr_t>(memory) + size) / huge_page * huge_page;
    if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}

/// The same for a vector that has been reserved for all that it will hold.
template <typename Vector>
void advise_huge(Vector& reserved) {
    advise_huge(reserved.data(), reserved.capacity() * sizeof(typename Vector::value_type));
}

}  // namespace ggufmap::detail
