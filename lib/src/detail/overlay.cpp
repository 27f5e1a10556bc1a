#include "detail/overlay.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "detail/kernel_files.hpp"

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
    const std::string wanted = fmt::format("{}:{}", gnu_dev_major(device), gnu_dev_minor(device));
    const std::string mounts = read_kernel_file(folder + "/mountinfo").value_or("");
    for (std::string_view rest = mounts; !rest.empty();) {
        // ID PARENT MAJOR:MINOR ROOT POINT OPTIONS ... - TYPE SOURCE SUPER_OPTIONS
        std::string_view line = next_line(rest);
        const auto dash = line.find(" - overlay ");
        if (dash == std::string_view::npos) continue;
        std::string_view tail = line.substr(dash + 3);
        for (int skipped = 0; skipped < 2; ++skipped) next_word(tail);
        for (int skipped = 0; skipped < 2; ++skipped) next_word(line);
        if (next_word(line) != wanted || next_word(line) != "/") continue;
        std::string_view point = next_word(line);
        if (point == "/") point = "";
        if (!path.starts_with(point) || path.size() <= point.size() || path[point.size()] != '/') continue;
        for (const std::string& layer : layers_of(next_word(tail))) {
            struct stat status {};
            if (::stat((layer + path.substr(point.size())).c_str(), &status) != 0) continue;
            if (!S_ISREG(status.st_mode)) return std::nullopt;
            return std::pair(std::uint64_t{status.st_dev}, std::uint64_t{status.st_ino});
        }
    }
    return std::nullopt;
}

}  // namespace ggufmap::detail
