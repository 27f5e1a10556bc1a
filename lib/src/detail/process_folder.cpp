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

// Of /proc/PID/stat: fields 3, 12 and 22; the name in field 2 is in parentheses and may hold anything.
struct Stat {
    std::string state;
    std::uint64_t major_faults = 0;
    std::uint64_t started = 0;
};
std::optional<Stat> read_stat(const std::string& folder) {
    const std::string text = read_kernel_file(folder + "/stat").value_or("");
    const auto name_end = text.rfind(')');
    if (name_end == std::string::npos) return std::nullopt;
    std::string_view rest = std::string_view(text).substr(name_end + 1);
    Stat stat;
    for (int field = 3; field <= 22; ++field) {
        const std::string_view word = next_word(rest);
        if (field == 3) stat.state = word;
        if (field == 12) stat.major_faults = decimal(word).value_or(0);
        if (field == 22) stat.started = decimal(word).value_or(0);
    }
    return stat;
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

bool describe(const std::string& folder, Process& process) {
    const std::string status = read_kernel_file(folder + "/status").value_or("");
    const auto stat = read_stat(folder);
    if (status.empty() || !stat) return false;
    process.uid = static_cast<std::uint32_t>(number_after(status, "Uid:"));
    process.anonymous_rss = number_after(status, "RssAnon:") * 1024;
    process.shared_rss = number_after(status, "RssShmem:") * 1024;
    process.page_tables = number_after(status, "VmPTE:") * 1024;
    process.command = command_of(folder);
    process.major_faults = stat->major_faults;
    process.started = stat->started;
    if (const auto place = cgroup_place(read_kernel_file(folder + "/cgroup").value_or("")))
        process.cgroup = place->path;
    process.container = container_of(process.cgroup);
    return true;
}

namespace {

// Areas that are not there any more go. Both are in the order of addresses: 60,000 areas take no longer than
// the kernel needs to write them.
MappingCost add_costs(std::string_view smaps, std::vector<MappedArea>& areas) {
    MappingCost sum;
    auto area = areas.begin();
    while (!smaps.empty() && area != areas.end()) {
        const std::string_view entry = next_entry(smaps);
        const auto begin = hexadecimal(entry.substr(0, entry.find('-')));
        while (area != areas.end() && area->address < begin) ++area;
        if (area == areas.end() || area->address != begin) continue;
        area->cost = sum_smaps(entry, [](std::uint64_t) { return true; });
        sum += *area->cost;
    }
    std::erase_if(areas, [](const MappedArea& one) { return !one.cost; });
    return sum;
}

}  // namespace

std::optional<Mapper> mapper_in(const std::string& folder, int pid, std::vector<MappedArea> areas,
                                ProcessTable::Detail detail) {
    Mapper mapper;
    mapper.pid = pid;
    mapper.areas = std::move(areas);
    if (!describe(folder, mapper)) return std::nullopt;
    if (detail == ProcessTable::Detail::areas) return mapper;
    const auto smaps = read_kernel_file(folder + "/smaps");
    if (!smaps && refused()) return mapper;
    if (!smaps) return std::nullopt;
    mapper.cost = add_costs(*smaps, mapper.areas);
    const auto after = read_stat(folder);  // another start: another process
    if (mapper.areas.empty() || !after || after->started != mapper.started) return std::nullopt;
    return mapper;
}

std::optional<std::string> living_thread(const std::string& folder) {
    const auto is_zombie = [](const std::string& where) {
        const auto stat = read_stat(where);
        return !stat || stat->state == "Z" || stat->state == "X";
    };
    if (!is_zombie(folder)) return std::nullopt;
    std::optional<std::string> living;
    for_each_number(folder + "/task", [&](int thread) {
        const std::string candidate = folder + "/task/" + std::to_string(thread);
        if (!living && !is_zombie(candidate)) living = candidate;
    });
    return living;
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
            const std::uint64_t share =
                area.cost->shared_huge / std::max<std::uint64_t>(sharers[area.file], 1);
            area.cost->pss += share;
            mapper.cost->pss += share;
        }
    }
}

}  // namespace ggufmap::detail
