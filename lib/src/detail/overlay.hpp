// Files that overlayfs shows: their pages belong to the file of a layer below.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace ggufmap::detail {

/// Device and inode of the file below. `folder` is the /proc/PID of who maps it, `device` and `path` are the
/// file's in its maps. Nothing where it lies on no overlay, or the layers are not where the mount says, as
/// seen from here.
std::optional<std::pair<std::uint64_t, std::uint64_t>> below_overlay(const std::string& folder,
                                                                     std::uint64_t device,
                                                                     const std::string& path);

}  // namespace ggufmap::detail
