#include "detail/cgroup_place.hpp"

#include "detail/kernel_files.hpp"

namespace ggufmap::detail {

std::optional<CgroupPlace> cgroup_place(std::string_view text) {
    std::optional<CgroupPlace> unified;
    while (!text.empty()) {
        // HIERARCHY:CONTROLLERS:PATH
        const std::string_view line = next_line(text);
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (first == std::string_view::npos || second == std::string_view::npos) continue;
        const std::string controllers = "," + std::string(line.substr(first + 1, second - first - 1)) + ",";
        const std::string path(line.substr(second + 1));
        if (controllers.find(",memory,") != std::string::npos)
            return CgroupPlace{CgroupMemory::Version::v1, path};
        if (controllers == ",,") unified = {CgroupMemory::Version::v2, path};
    }
    return unified;
}

}  // namespace ggufmap::detail
