// Whether two files are the same disk blocks: what sharing extents leaves, known without reading either.
#pragma once

#include "ggufmap/file.hpp"

namespace ggufmap::detail {

/// True where both have the same size, and every whole block of the one is the other's, too; reads what is
/// behind the last of them. False where the file system does not tell. Throws Error (io).
bool same_blocks(const File& a, const File& b);

}  // namespace ggufmap::detail
