// Copies out of a mapped file without trusting that the file keeps its size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ggufmap::detail {

/// Fills `out` with what `map`, a whole file, has from `offset` on; the pages leave our page tables again.
/// Returns 0 or an errno: EFAULT where the file has become shorter or the device fails, where touching the
/// mapping would be a SIGBUS.
int copy_mapped(std::span<std::byte> map, std::uint64_t offset, std::span<std::byte> out);

}  // namespace ggufmap::detail
