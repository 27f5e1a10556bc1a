// Files that may be consumed: what frees them under one name must not empty or keep them under another.
#pragma once

#include <string_view>

#include "ggufmap/file.hpp"

namespace ggufmap::detail {

/// Throws Error (usage) where the file was opened through a symlink or has several hard links; what comes of
/// those says `consequence`.
void require_single_name(const File& file, std::string_view consequence);

}  // namespace ggufmap::detail
