#include "detail/mountinfo.hpp"

#include <fmt/format.h>
#include <sys/sysmacros.h>

#include "detail/kernel_files.hpp"

namespace ggufmap::detail {

std::optional<MountLine> next_mount(std::string_view& mountinfo) {
    while (!mountinfo.empty()) {
        std::string_view line = next_line(mountinfo);
        const auto dash = line.find(" - ");
        if (dash == std::string_view::npos) continue;
        std::string_view tail = line.substr(dash + 3);
        MountLine mount;
        for (int skipped = 0; skipped < 2; ++skipped) next_word(line);
        mount.device = next_word(line);
        mount.root = next_word(line);
        mount.point = next_word(line);
        mount.type = next_word(tail);
        next_word(tail);  // the source
        mount.options = next_word(tail);
        return mount;
    }
    return std::nullopt;
}

std::string mount_device(std::uint64_t device) {
    return fmt::format("{}:{}", gnu_dev_major(device), gnu_dev_minor(device));
}

}  // namespace ggufmap::detail
