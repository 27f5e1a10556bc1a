// Lines of /proc/PID/mountinfo.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ggufmap::detail {

/// Parts of the text that was read. Of a line ID PARENT DEVICE ROOT POINT ... - TYPE SOURCE OPTIONS.
struct MountLine {
    std::string_view device;   ///< "254:0"
    std::string_view root;     ///< of the file system, what is mounted
    std::string_view point;    ///< where, escaped
    std::string_view type;     ///< "ext4"
    std::string_view options;  ///< of the file system: "rw,lowerdir=A:B"
};

/// Cuts the next mount off `mountinfo`; nothing at its end.
std::optional<MountLine> next_mount(std::string_view& mountinfo);

/// A device as it stands there.
std::string mount_device(std::uint64_t device);

}  // namespace ggufmap::detail
