#include "detail/process_folder.hpp"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>

#include "detail/cgroup_place.hpp"
#include "detail/kernel_files.hpp"
#include "detail/maps.hpp"

namespace ggufmap::detail {
namespace {

// Field 12 of /proc/PID/stat; the name in field 2 is in parentheses and may hold anything.
std::uint64_t major_faults_of(const std::string& folder) {
    const std::string stat = read_kernel_file(folder + "/stat").value_or("");
    const auto name_end = stat.rfind(')');
    if (name_end == std::string::npos) return 0;
    std::string_view rest = std::string_view(stat).substr(name_end + 1);
    constexpr int fields_between = 9;
    for (int field = 0; field < fields_between; ++field) next_word(rest);
    return decimal(next_word(rest)).value_or(0);
}

}  // namespace

bool refused() { return errno == EACCES || errno == EPERM; }

bool for_each_number(const std::string& directory, const std::function<void(int)>& visit) {
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(directory.c_str()), ::closedir);
    if (!entries) return false;
    while (const dirent* entry = ::readdir(entries.get())) {
        const std::string_view name = entry->d_name;
        int number = 0;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
        if (error == std::errc() && end == name.data() + name.size()) visit(number);
    }
    return true;
}

std::string command_of(const std::string& folder) {
    const std::string arguments = read_kernel_file(folder + "/cmdline").value_or("");
    const std::string program = arguments.substr(0, arguments.find('\0'));
    if (!program.empty()) return program.substr(program.rfind('/') + 1);
    const std::string name = read_kernel_file(folder + "/comm").value_or("");
    return name.substr(0, name.find('\n'));
}

void describe(const std::string& folder, Process& process) {
    const std::string status = read_kernel_file(folder + "/status").value_or("");
    process.uid = static_cast<std::uint32_t>(number_after(status, "Uid:"));
    process.anonymous_rss = number_after(status, "RssAnon:") * 1024;
    process.page_tables = number_after(status, "VmPTE:") * 1024;
    process.command = command_of(folder);
    process.major_faults = major_faults_of(folder);
    if (const auto place = cgroup_place(read_kernel_file(folder + "/cgroup").value_or("")))
        process.cgroup = place->path;
    process.container = container_of(process.cgroup);
}

std::optional<MappingCost> cost_of(const std::string& folder, const std::vector<MappedArea>& areas) {
    const auto smaps = read_kernel_file(folder + "/smaps");
    if (!smaps) return std::nullopt;
    return sum_smaps(*smaps, [&](std::uint64_t address) {
        return std::any_of(areas.begin(), areas.end(),
                           [&](const auto& area) { return area.address == address; });
    });
}

}  // namespace ggufmap::detail
