#include "detail/process_folder.hpp"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <map>
#include <memory>
#include <set>

#include "detail/cgroup_place.hpp"
#include "detail/kernel_files.hpp"
#include "detail/maps.hpp"

namespace ggufmap::detail {
namespace {

// Fields 12 and 22 of /proc/PID/stat; the name in field 2 is in parentheses and may hold anything.
void read_stat(const std::string& folder, Process& process) {
    const std::string stat = read_kernel_file(folder + "/stat").value_or("");
    const auto name_end = stat.rfind(')');
    if (name_end == std::string::npos) return;
    std::string_view rest = std::string_view(stat).substr(name_end + 1);
    for (int field = 3; field <= 22; ++field) {
        const std::string_view word = next_word(rest);
        if (field == 12) process.major_faults = decimal(word).value_or(0);
        if (field == 22) process.started = decimal(word).value_or(0);
    }
}

// A line of maps and the fields behind it, cut off `smaps`.
std::string_view next_entry(std::string_view& smaps) {
    std::string_view rest = smaps;
    next_line(rest);
    while (!rest.empty()) {
        std::string_view after = rest;
        std::string_view line = next_line(after);
        if (!next_word(line).ends_with(':')) break;
        rest = after;
    }
    const std::string_view entry = smaps.substr(0, smaps.size() - rest.size());
    smaps = rest;
    return entry;
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
    process.shared_rss = number_after(status, "RssShmem:") * 1024;
    process.page_tables = number_after(status, "VmPTE:") * 1024;
    process.command = command_of(folder);
    read_stat(folder, process);
    if (const auto place = cgroup_place(read_kernel_file(folder + "/cgroup").value_or("")))
        process.cgroup = place->path;
    process.container = container_of(process.cgroup);
}

std::optional<MappingCost> add_costs(const std::string& folder, std::vector<MappedArea>& areas) {
    const auto smaps = read_kernel_file(folder + "/smaps");
    if (!smaps) return std::nullopt;
    MappingCost sum;
    for (std::string_view rest = *smaps; !rest.empty();) {
        const std::string_view entry = next_entry(rest);
        const auto begin = hexadecimal(entry.substr(0, entry.find('-')));
        const auto area = std::find_if(areas.begin(), areas.end(), [&](const MappedArea& candidate) {
            return candidate.address == begin;
        });
        if (area == areas.end()) continue;
        area->cost = sum_smaps(entry, [](std::uint64_t) { return true; });
        sum += *area->cost;
    }
    return sum;
}

void share_out(std::vector<Mapper>& mappers) {
    std::map<std::size_t, std::uint64_t> sharers;  // of each file
    const auto shares = [](const MappedArea& area) { return area.cost && area.cost->shared_huge != 0; };
    for (const Mapper& mapper : mappers) {
        if (mapper.memory_of != 0) continue;
        std::set<std::size_t> files;
        for (const MappedArea& area : mapper.areas) {
            if (shares(area) && files.insert(area.file).second) ++sharers[area.file];
        }
    }
    for (Mapper& mapper : mappers) {
        for (MappedArea& area : mapper.areas) {
            if (!shares(area)) continue;
            const std::uint64_t share = area.cost->shared_huge / sharers[area.file];
            area.cost->pss += share;
            mapper.cost->pss += share;
        }
    }
}

}  // namespace ggufmap::detail
