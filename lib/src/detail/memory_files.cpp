#include "detail/memory_files.hpp"

#include <linux/magic.h>

#include <optional>
#include <string_view>

#include "detail/kernel_files.hpp"
#include "detail/mountinfo.hpp"

namespace ggufmap::detail {
namespace {

// The type of the file system that is mounted from `device`.
std::optional<std::string> type_of(std::string_view mountinfo, std::uint64_t device) {
    const std::string wanted = mount_device(device);
    while (const auto mount = next_mount(mountinfo)) {
        if (mount->device == wanted) return std::string(mount->type);
    }
    return std::nullopt;
}

}  // namespace

PageHome home_of(const struct statfs& status) {
    switch (static_cast<unsigned long>(status.f_type)) {
        case TMPFS_MAGIC:
        case RAMFS_MAGIC:
            return PageHome::tmpfs;
        case HUGETLBFS_MAGIC:
            return PageHome::hugetlbfs;
        default:
            return PageHome::disk;
    }
}

bool is_memory(const std::string& folder, const std::string& link, std::uint64_t device,
               const std::string& name) {
    if (const auto type = type_of(read_kernel_file(folder + "/mountinfo").value_or(""), device))
        return *type == "tmpfs" || *type == "ramfs" || *type == "hugetlbfs" || *type == "devtmpfs";
    struct statfs status {};
    if (::statfs(link.c_str(), &status) == 0) return home_of(status) != PageHome::disk;
    return name.starts_with("/memfd:");  // on a mount of the kernel's own
}

}  // namespace ggufmap::detail
