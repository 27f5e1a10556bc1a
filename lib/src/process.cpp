#include "ggufmap/process.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <functional>
#include <memory>

#include "detail/cgroup_place.hpp"
#include "detail/kernel_files.hpp"
#include "detail/maps.hpp"
#include "detail/page_tables.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap {
namespace {

using detail::next_line;
using detail::next_word;
using detail::number_after;
using detail::read_kernel_file;

bool refused() { return errno == EACCES || errno == EPERM; }

// Calls visit with the name of each entry that is a number: PIDs, descriptors. False where the directory
// cannot be read (errno says why).
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

constexpr std::string_view deleted_mark = " (deleted)";

struct Areas {
    std::vector<MappedArea> current;
    std::vector<MappedArea> stale;
};

// The stretches of `maps` that belong to one of `files`, or to a deleted file of its name.
Areas areas_in(std::string_view maps, std::span<const MapsIdentity> files) {
    Areas areas;
    while (!maps.empty()) {
        const auto line = detail::parse_maps_line(next_line(maps));
        if (!line || line->identity.inode == 0) continue;
        const bool deleted = line->path.ends_with(deleted_mark);
        const std::string_view path =
            line->path.substr(0, line->path.size() - (deleted ? deleted_mark.size() : 0));
        auto file = std::find_if(files.begin(), files.end(),
                                 [&](const auto& wanted) { return wanted.same_file(line->identity); });
        const bool current = file != files.end();
        if (!current && deleted)
            file = std::find_if(files.begin(), files.end(),
                                [&](const auto& wanted) { return wanted.path == path; });
        if (file == files.end()) continue;
        (current ? areas.current : areas.stale)
            .push_back({.file = static_cast<std::size_t>(file - files.begin()),
                        .address = line->begin,
                        .range = {line->offset, line->end - line->begin},
                        .shared = line->permissions[3] == 's',
                        .writable = line->permissions[1] == 'w',
                        .deleted = deleted,
                        .path = std::string(path)});
    }
    return areas;
}

// The name a person would use: the program's, as threads of some runtimes rename themselves.
std::string command_of(const std::string& folder) {
    const std::string arguments = read_kernel_file(folder + "/cmdline").value_or("");
    const std::string program = arguments.substr(0, arguments.find('\0'));
    if (!program.empty()) return program.substr(program.rfind('/') + 1);
    const std::string name = read_kernel_file(folder + "/comm").value_or("");
    return name.substr(0, name.find('\n'));
}

// Field 12 of /proc/PID/stat; the name in field 2 is in parentheses and may hold anything.
std::uint64_t major_faults_of(const std::string& folder) {
    const std::string stat = read_kernel_file(folder + "/stat").value_or("");
    const auto name_end = stat.rfind(')');
    if (name_end == std::string::npos) return 0;
    std::string_view rest = std::string_view(stat).substr(name_end + 1);
    constexpr int fields_between = 9;
    for (int field = 0; field < fields_between; ++field) next_word(rest);
    return detail::decimal(next_word(rest)).value_or(0);
}

void describe(const std::string& folder, Mapper& mapper) {
    const std::string status = read_kernel_file(folder + "/status").value_or("");
    mapper.uid = static_cast<std::uint32_t>(number_after(status, "Uid:"));
    mapper.anonymous_rss = number_after(status, "RssAnon:") * 1024;
    mapper.page_tables = number_after(status, "VmPTE:") * 1024;
    mapper.command = command_of(folder);
    mapper.major_faults = major_faults_of(folder);
    if (const auto place = detail::cgroup_place(read_kernel_file(folder + "/cgroup").value_or("")))
        mapper.cgroup = place->path;
    mapper.container = container_of(mapper.cgroup);
}

std::optional<MappingCost> cost_of(const std::string& folder, const std::vector<MappedArea>& areas) {
    const auto smaps = read_kernel_file(folder + "/smaps");
    if (!smaps) return std::nullopt;
    return detail::sum_smaps(*smaps, [&](std::uint64_t address) {
        return std::any_of(areas.begin(), areas.end(),
                           [&](const auto& area) { return area.address == address; });
    });
}

bool is_direct(const std::string& folder, int fd) {
    const auto info = read_kernel_file(folder + "/fdinfo/" + std::to_string(fd));
    if (!info) return false;
    std::string_view rest = *info;
    while (!rest.empty()) {
        std::string_view line = next_line(rest);
        if (next_word(line) != "flags:") continue;
        const std::string_view octal = next_word(line);
        unsigned flags = 0;
        std::from_chars(octal.data(), octal.data() + octal.size(), flags, 8);
        return (flags & O_DIRECT) != 0;
    }
    return false;
}

}  // namespace

MapsIdentity maps_identity(const File& file) {
    const std::uint64_t size = page_size();
    void* const address = ::mmap(nullptr, size, PROT_NONE, MAP_SHARED, file.fd(), 0);
    if (address == MAP_FAILED) throw io_error({file.name()}, "cannot map", errno);
    const std::string maps = read_kernel_file("/proc/self/maps").value_or("");
    ::munmap(address, size);
    const auto wanted = reinterpret_cast<std::uintptr_t>(address);
    std::string_view rest = maps;
    while (!rest.empty()) {
        const auto line = detail::parse_maps_line(next_line(rest));
        if (line && line->begin <= wanted && wanted < line->end)
            return {line->identity.device, line->identity.inode, std::string(line->path)};
    }
    return {file.identity().device, file.identity().inode, ""};
}

MappingCost& MappingCost::operator+=(const MappingCost& other) {
    mapped += other.mapped;
    rss += other.rss;
    pss += other.pss;
    anonymous += other.anonymous;
    referenced += other.referenced;
    locked += other.locked;
    swap += other.swap;
    return *this;
}

KernelProcessTable::KernelProcessTable(KernelRoots roots, Allow allow)
    : roots_(std::move(roots)), allow_(allow) {}

MapperScan KernelProcessTable::mappers(std::span<const MapsIdentity> files, Detail detail) const {
    MapperScan scan;
    for_each_number(roots_.proc, [&](int pid) {
        const std::string folder = roots_.proc + "/" + std::to_string(pid);
        const auto maps = read_kernel_file(folder + "/maps");
        if (!maps) {
            if (refused()) ++scan.not_permitted;
            return;
        }
        ++scan.processes;
        Areas areas = areas_in(*maps, files);
        const auto add = [&](std::vector<Mapper>& list, std::vector<MappedArea>& found) {
            if (found.empty()) return;
            Mapper mapper;
            mapper.pid = pid;
            mapper.areas = std::move(found);
            describe(folder, mapper);
            if (detail == Detail::costs) mapper.cost = cost_of(folder, mapper.areas);
            list.push_back(std::move(mapper));
        };
        add(scan.mappers, areas.current);
        add(scan.stale, areas.stale);
    });
    for (auto* list : {&scan.mappers, &scan.stale})
        std::sort(list->begin(), list->end(), [](const Mapper& a, const Mapper& b) { return a.pid < b.pid; });
    return scan;
}

OpenerScan KernelProcessTable::openers(std::span<const FileIdentity> files) const {
    OpenerScan scan;
    for_each_number(roots_.proc, [&](int pid) {
        const std::string folder = roots_.proc + "/" + std::to_string(pid);
        const bool readable = for_each_number(folder + "/fd", [&](int fd) {
            struct stat status {};
            if (::stat((folder + "/fd/" + std::to_string(fd)).c_str(), &status) != 0) return;
            const auto file = std::find_if(files.begin(), files.end(), [&](const FileIdentity& wanted) {
                return wanted.device == status.st_dev && wanted.inode == status.st_ino;
            });
            if (file == files.end()) return;
            scan.openers.push_back({pid, command_of(folder), fd,
                                    static_cast<std::size_t>(file - files.begin()), is_direct(folder, fd)});
        });
        if (!readable && refused()) ++scan.not_permitted;
    });
    std::sort(scan.openers.begin(), scan.openers.end(), [](const Opener& a, const Opener& b) {
        return std::pair(a.pid, a.fd) < std::pair(b.pid, b.fd);
    });
    return scan;
}

std::optional<PageMap> KernelProcessTable::present_pages(int pid, const MappedArea& area) const {
    const std::string path = roots_.proc + "/" + std::to_string(pid) + "/pagemap";
    const Fd pagemap(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!pagemap) return std::nullopt;
    PageMap map(area.range, page_size());
    if (allow_ == Allow::everything && detail::scan_present(pagemap.get(), area.address, map)) return map;
    if (detail::read_present(pagemap.get(), area.address, map)) return map;
    return std::nullopt;
}

void clear_referenced(int pid, const KernelRoots& roots) {
    const std::string path = roots.proc + "/" + std::to_string(pid) + "/clear_refs";
    const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    // "1" stands for the pages of all mappings (Documentation/filesystems/proc.rst).
    if (!file || ::write(file.get(), "1", 1) != 1)
        throw io_error({path}, "cannot clear referenced bits", errno);
}

}  // namespace ggufmap
