// Files that are nothing but memory: on tmpfs, ramfs, hugetlbfs.
#pragma once

#include <sys/vfs.h>

#include <cstdint>
#include <string>

#include "ggufmap/pagecache.hpp"

namespace ggufmap::detail {

PageHome home_of(const struct statfs& status);

/// Whether a file that a process maps is one. `folder` is /proc/PID, `link` the mapping in its map_files,
/// `name` the file's in its maps. Mounts are asked first: what lies behind `link` takes a privilege.
bool is_memory(const std::string& folder, const std::string& link, std::uint64_t device,
               const std::string& name);

}  // namespace ggufmap::detail
