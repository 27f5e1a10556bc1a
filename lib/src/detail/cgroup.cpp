// Control groups: where a process stands in the hierarchy, and what each level leaves it.
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "detail/cgroup_place.hpp"
#include "detail/kernel_files.hpp"
#include "detail/mountinfo.hpp"
#include "ggufmap/memory.hpp"

namespace ggufmap {
namespace {

using detail::number_after;
using detail::read_kernel_file;
using detail::read_kernel_number;

struct Mount {
    std::string root;   // the group that is mounted
    std::string point;  // where
};

std::optional<Mount> mount_of(std::string_view text, CgroupMemory::Version version) {
    while (const auto mount = detail::next_mount(text)) {
        const std::string options = "," + std::string(mount->options) + ",";
        const bool wanted = version == CgroupMemory::Version::v2
                                ? mount->type == "cgroup2"
                                : mount->type == "cgroup" && options.find(",memory,") != std::string::npos;
        if (wanted) return Mount{std::string(mount->root), std::string(mount->point)};
    }
    return std::nullopt;
}

// "0" or more up to here are real limits; version 1 writes about 2^63 for none.
std::optional<std::uint64_t> real_limit(std::optional<std::uint64_t> limit) {
    constexpr std::uint64_t unlimited = 1ULL << 62;
    return limit && *limit < unlimited ? limit : std::nullopt;
}

std::uint64_t clean_file_pages(std::uint64_t inactive, std::uint64_t active, std::uint64_t dirty) {
    return inactive + active - std::min(dirty, inactive + active);
}

bool read_v1(const std::string& folder, CgroupMemory& group) {
    const auto usage = read_kernel_number(folder + "/memory.usage_in_bytes");
    if (!usage) return false;
    group.usage = *usage;
    group.limit = real_limit(read_kernel_number(folder + "/memory.limit_in_bytes"));
    group.limit_hits = read_kernel_number(folder + "/memory.failcnt").value_or(0);
    group.oom_kills = number_after(read_kernel_file(folder + "/memory.oom_control").value_or(""), "oom_kill");
    const std::string stat = read_kernel_file(folder + "/memory.stat").value_or("");
    group.reclaimable =
        clean_file_pages(number_after(stat, "total_inactive_file"), number_after(stat, "total_active_file"),
                         number_after(stat, "total_dirty"));
    return true;
}

bool read_v2(const std::string& folder, CgroupMemory& group) {
    const auto usage = read_kernel_number(folder + "/memory.current");
    if (!usage) return false;
    group.usage = *usage;
    group.limit = read_kernel_number(folder + "/memory.max");
    group.high = read_kernel_number(folder + "/memory.high");
    group.swap_limit = read_kernel_number(folder + "/memory.swap.max");
    group.swap_usage = read_kernel_number(folder + "/memory.swap.current").value_or(0);
    const std::string events = read_kernel_file(folder + "/memory.events").value_or("");
    group.limit_hits = number_after(events, "max");
    group.oom_kills = number_after(events, "oom_kill");
    const std::string stat = read_kernel_file(folder + "/memory.stat").value_or("");
    group.reclaimable = clean_file_pages(number_after(stat, "inactive_file"),
                                         number_after(stat, "active_file"), number_after(stat, "file_dirty"));
    return true;
}

bool lists(const std::string& group, const std::string& process) {
    const std::string text = read_kernel_file(group + "/cgroup.procs").value_or("");
    std::string_view rest = text;
    while (!rest.empty()) {
        if (detail::next_line(rest) == process) return true;
    }
    return false;
}

// The group `depth` levels below `folder` that has `process` in its group `inside`, as "/a/b"; nothing where
// there is none.
std::optional<std::string> find_group(const std::string& folder, std::size_t depth, const std::string& inside,
                                      const std::string& process) {
    if (depth == 0) return lists(folder + inside, process) ? std::optional<std::string>("") : std::nullopt;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        if (!entry.is_directory(error)) continue;
        if (const auto rest = find_group(entry.path(), depth - 1, inside, process))
            return "/" + entry.path().filename().string() + *rest;
    }
    return std::nullopt;
}

// Where the group of a process lies below what is mounted; "" for the mount itself.
std::string path_in_mount(const Mount& mount, const std::string& group, const std::string& base,
                          const std::string& process) {
    const std::string inside = group == "/" ? "" : group;
    // A namespace of its own without a mount of its own: what is mounted has its root so many levels above
    // the namespace's, and nothing tells the names of those levels.
    constexpr std::string_view up = "/..";
    if (mount.root.starts_with(up))
        return find_group(base, mount.root.size() / up.size(), inside, process).value_or("") + inside;
    // A container may see its group's path from the host and have only that group mounted.
    const std::string root = mount.root == "/" ? "" : mount.root;
    return inside.starts_with(root) ? inside.substr(root.size()) : "";
}

}  // namespace

std::optional<std::uint64_t> CgroupMemory::available() const {
    if (!limit && !high) return std::nullopt;
    const std::uint64_t bound = std::min(limit.value_or(UINT64_MAX), high.value_or(UINT64_MAX));
    const std::uint64_t kept = usage - std::min(usage, reclaimable);
    return bound - std::min(bound, kept);
}

std::vector<CgroupMemory> enclosing_cgroups(const KernelRoots& roots, const std::string& process) {
    const std::string folder = roots.proc + "/" + process;
    const auto place = detail::cgroup_place(read_kernel_file(folder + "/cgroup").value_or(""));
    if (!place) return {};
    const auto mount = mount_of(read_kernel_file(folder + "/mountinfo").value_or(""), place->version);
    if (!mount || !mount->point.starts_with("/sys")) return {};

    const std::string base = roots.sys + mount->point.substr(4);
    std::string path =
        path_in_mount(*mount, place->path, base, process == "self" ? std::to_string(::getpid()) : process);
    std::vector<CgroupMemory> groups;
    for (;;) {
        CgroupMemory group{.version = place->version, .path = path.empty() ? "/" : path};
        const bool there = place->version == CgroupMemory::Version::v1 ? read_v1(base + path, group)
                                                                       : read_v2(base + path, group);
        if (there) groups.push_back(std::move(group));
        if (path.empty()) return groups;
        path.erase(path.rfind('/'));
    }
}

}  // namespace ggufmap
