// Whether two files are the same disk blocks: what sharing extents leaves, known without reading either.
#pragma once

#include "ggufmap/file.hpp"

namespace ggufmap::detail {

/// True where both have the same size and every extent of the one is an extent of the other, at the same
/// offset. False where the file system does not tell.
bool same_blocks(const File& a, const File& b);

}  // namespace ggufmap::detail
