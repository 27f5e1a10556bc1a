#include "detail/overlay.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "detail/kernel_files.hpp"
#include "detail/mountinfo.hpp"

namespace ggufmap::detail {
namespace {

// Upper layer first. Options are "lowerdir=A:B,upperdir=C", or since Linux 6.8 "lowerdir+=A,lowerdir+=B".
// Layers with a colon, comma or blank in their names are written with escapes, and so not found.
std::vector<std::string> layers_of(std::string_view options) {
    std::vector<std::string> layers;
    while (!options.empty()) {
        const std::string_view option = options.substr(0, options.find(','));
        options.remove_prefix(std::min(option.size() + 1, options.size()));
        const auto equals = option.find('=');
        if (equals == std::string_view::npos) continue;
        const std::string_view name = option.substr(0, equals);
        std::string_view value = option.substr(equals + 1);
        if (name == "upperdir") layers.insert(layers.begin(), std::string(value));
        if (name != "lowerdir" && name != "lowerdir+") continue;
        while (!value.empty()) {
            const std::string_view layer = value.substr(0, value.find(':'));
            value.remove_prefix(std::min(layer.size() + 1, value.size()));
            layers.emplace_back(layer);
        }
    }
    return layers;
}

}  // namespace

std::optional<std::pair<std::uint64_t, std::uint64_t>> below_overlay(const std::string& folder,
                                                                     std::uint64_t device,
                                                                     const std::string& path) {
    if (major(device) != 0) return std::nullopt;  // a disk's: overlays have no device of their own
    const std::string wanted = mount_device(device);
    const std::string mounts = read_kernel_file(folder + "/mountinfo").value_or("");
    std::string_view rest = mounts;
    while (const auto mount = next_mount(rest)) {
        if (mount->type != "overlay" || mount->device != wanted || mount->root != "/") continue;
        const std::string_view point = mount->point == "/" ? "" : mount->point;
        if (!path.starts_with(point) || path.size() <= point.size() || path[point.size()] != '/') continue;
        for (const std::string& layer : layers_of(mount->options)) {
            struct stat status {};
            if (::stat((layer + path.substr(point.size())).c_str(), &status) != 0) continue;
            if (!S_ISREG(status.st_mode)) return std::nullopt;
            return std::pair(std::uint64_t{status.st_dev}, std::uint64_t{status.st_ino});
        }
    }
    return std::nullopt;
}

}  // namespace ggufmap::detail
