// The path by which others find a file that we were given by any name.
#pragma once

#include <string>

namespace ggufmap::detail {

/// Absolute, the directory's symlinks resolved: "link/.." is what the kernel takes it for, not the text less
/// its last two parts. The file's own name stays, a symlink or not. Throws Error (io) where the directory is
/// gone, (usage) where the path does not end in a file name.
std::string absolute_path(const std::string& path);

}  // namespace ggufmap::detail
