// Where a process stands in the hierarchy of control groups.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ggufmap/memory.hpp"

namespace ggufmap::detail {

struct CgroupPlace {
    CgroupMemory::Version version;
    std::string path;
};

/// The memory group named by the text of /proc/PID/cgroup. One of version 1 wins: on hybrid systems version 2
/// is there, too, but without a memory controller.
std::optional<CgroupPlace> cgroup_place(std::string_view text);

}  // namespace ggufmap::detail
