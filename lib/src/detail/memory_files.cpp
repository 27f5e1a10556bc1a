#include "detail/memory_files.hpp"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/sysmacros.h>

#include <optional>
#include <string_view>

#include "detail/kernel_files.hpp"

namespace ggufmap::detail {
namespace {

// The type of the file system that is mounted from `device`. Lines of mountinfo: ID PARENT MAJOR:MINOR ROOT
// POINT OPTIONS ... - TYPE SOURCE SUPER_OPTIONS.
std::optional<std::string> type_of(std::string_view mountinfo, std::uint64_t device) {
    const std::string wanted = fmt::format("{}:{}", gnu_dev_major(device), gnu_dev_minor(device));
    while (!mountinfo.empty()) {
        std::string_view line = next_line(mountinfo);
        const auto dash = line.find(" - ");
        if (dash == std::string_view::npos) continue;
        std::string_view tail = line.substr(dash + 3);
        next_word(line);
        next_word(line);
        if (next_word(line) == wanted) return std::string(next_word(tail));
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
