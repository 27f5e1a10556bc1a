#include "ggufmap/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <map>
#include <system_error>

#include "detail/address_space.hpp"
#include "detail/kernel_files.hpp"
#include "detail/maps.hpp"
#include "detail/overlay.hpp"
#include "detail/page_tables.hpp"
#include "detail/process_folder.hpp"
#include "detail/shared_memory_of.hpp"
#include "detail/sight.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap {
namespace {

using detail::AddressSpace;
using detail::FileStretch;
using detail::next_line;
using detail::next_word;

struct Areas {
    std::vector<MappedArea> current;
    std::vector<MappedArea> stale;
};

// Finds the stretches that belong to one of `files`, or to a deleted file of its name.
class AreaFinder {
public:
    explicit AreaFinder(std::span<const MapsIdentity> files) : files_(files) {}

    Areas in(AddressSpace& space) {
        Areas areas;
        while (const auto stretch = space.next()) {
            const auto file = find(stretch->device, stretch->inode);
            if (file != files_.end()) {
                add(areas.current, file, *stretch, space);
                continue;
            }
            const Other& other = other_file(space.folder(), *stretch, space);
            const auto once = files_.begin() + static_cast<std::ptrdiff_t>(other.file);
            if (once != files_.end()) add(other.stale ? areas.stale : areas.current, once, *stretch, space);
        }
        return areas;
    }

private:
    using Files = std::span<const MapsIdentity>;
    using Key = std::pair<std::uint64_t, std::uint64_t>;  // device and inode
    struct Other {
        std::size_t file;  // index, or files_.size()
        bool stale;
    };

    Files::iterator find(std::uint64_t device, std::uint64_t inode) const {
        return std::find_if(files_.begin(), files_.end(), [&](const MapsIdentity& wanted) {
            return (wanted.device == device && wanted.inode == inode) ||
                   wanted.below == std::pair(device, inode);
        });
    }

    // Of which of the files this is a deleted older version, or which it shows through an overlay. Names cost
    // more than all else: each file is asked for its name once, not in each process again.
    const Other& other_file(const std::string& folder, const FileStretch& stretch,
                            const AddressSpace& space) {
        const auto [known, added] =
            others_.try_emplace(Key(stretch.device, stretch.inode), Other{files_.size(), false});
        if (!added) return known->second;
        const std::string path = space.path();
        const auto deleted = detail::deleted_name(folder, stretch.inode, path);
        auto file = std::find_if(files_.begin(), files_.end(), [&](const MapsIdentity& wanted) {
            return deleted ? wanted.path == *deleted : file_name(wanted.path) == file_name(path);
        });
        if (!deleted && file != files_.end()) {
            const auto below = detail::below_overlay(folder, stretch.device, path);
            file = below ? find(below->first, below->second) : files_.end();
        }
        known->second = {static_cast<std::size_t>(file - files_.begin()), deleted.has_value()};
        return known->second;
    }

    // Asked once for each run of stretches of one file: a process may have 60,000 of them.
    std::optional<std::string> once_named(const std::string& folder, const FileStretch& stretch,
                                          const std::string& path) {
        Named now{folder, Key(stretch.device, stretch.inode), path, {}};
        if (now.folder != named_.folder || now.key != named_.key || now.path != named_.path) {
            now.deleted = detail::deleted_name(folder, stretch.inode, path);
            named_ = std::move(now);
        }
        return named_.deleted;
    }

    static std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

    void add(std::vector<MappedArea>& areas, Files::iterator file, const FileStretch& stretch,
             const AddressSpace& space) {
        const std::string path = space.path();
        const auto deleted = once_named(space.folder(), stretch, path);
        areas.push_back({.file = static_cast<std::size_t>(file - files_.begin()),
                         .address = stretch.begin,
                         .range = {stretch.offset, stretch.end - stretch.begin},
                         .shared = stretch.shared,
                         .writable = stretch.writable,
                         .deleted = deleted.has_value(),
                         .path = deleted.value_or(path)});
    }

    struct Named {
        std::string folder;
        Key key;
        std::string path;
        std::optional<std::string> deleted;
    };

    Files files_;
    Named named_;
    std::map<Key, Other> others_;
};

bool is_direct(const std::string& folder, int fd) {
    const auto info = detail::read_kernel_file(folder + "/fdinfo/" + std::to_string(fd));
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
    struct stat status {};
    if (::fstat(file.fd(), &status) != 0) throw io_error({file.name()}, "cannot stat", errno);
    MapsIdentity identity{file.identity().device, file.identity().inode, ""};
    // A page of hugetlbfs is st_blksize long, and less can be mapped but not unmapped.
    const auto size = std::max(page_size(), static_cast<std::uint64_t>(status.st_blksize));
    void* const address = ::mmap(nullptr, size, PROT_NONE, MAP_SHARED | MAP_NORESERVE, file.fd(), 0);
    // FUSE with direct_io has no shared mappings; its device is what stat says.
    if (address == MAP_FAILED && errno == ENODEV) {
        std::error_code none;
        identity.path = std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", file.fd()), none);
        return identity;
    }
    if (address == MAP_FAILED) throw io_error({file.name()}, "cannot map", errno);
    const auto wanted = reinterpret_cast<std::uintptr_t>(address);
    AddressSpace ours("/proc/self", AddressSpace::Way::query);
    while (const auto stretch = ours.next()) {
        if (wanted < stretch->begin || wanted >= stretch->end) continue;
        identity = {stretch->device, stretch->inode, ours.path()};
        break;
    }
    ::munmap(address, size);
    identity.below = detail::below_overlay("/proc/self", identity.device, identity.path);
    return identity;
}

MappingCost& MappingCost::operator+=(const MappingCost& other) {
    mapped += other.mapped;
    rss += other.rss;
    pss += other.pss;
    anonymous += other.anonymous;
    anonymous_pss += other.anonymous_pss;
    referenced += other.referenced;
    locked += other.locked;
    swap += other.swap;
    swap_pss += other.swap_pss;
    huge += other.huge;
    shared_huge += other.shared_huge;
    return *this;
}

KernelProcessTable::KernelProcessTable(KernelRoots roots, Allow allow)
    : roots_(std::move(roots)), allow_(allow) {}

MapperScan KernelProcessTable::mappers(std::span<const MapsIdentity> files, Detail detail) const {
    MapperScan scan;
    AreaFinder finder(files);
    const auto way = allow_ == Allow::everything ? AddressSpace::Way::query : AddressSpace::Way::text;
    detail::for_each_number(roots_.proc, [&](int pid) {
        AddressSpace space(roots_.proc + "/" + std::to_string(pid), way);
        if (!space) {
            if (detail::refused()) ++scan.not_permitted;
            return;
        }
        ++scan.processes;
        Areas areas = finder.in(space);
        const auto add = [&](std::vector<Mapper>& list, std::vector<MappedArea>& found) {
            if (found.empty()) return;
            auto mapper = detail::mapper_in(space.folder(), pid, std::move(found), detail);
            if (mapper) list.push_back(std::move(*mapper));
        };
        add(scan.mappers, areas.current);
        add(scan.stale, areas.stale);
    });
    for (auto* list : {&scan.mappers, &scan.stale}) {
        std::sort(list->begin(), list->end(), [](const Mapper& a, const Mapper& b) { return a.pid < b.pid; });
        detail::mark_shared_memory(roots_.proc, *list);
        detail::share_out(*list);
    }
    detail::judge_sight(roots_.proc, scan);
    return scan;
}

OpenerScan KernelProcessTable::openers(std::span<const FileIdentity> files) const {
    OpenerScan scan;
    detail::for_each_number(roots_.proc, [&](int pid) {
        std::string folder = roots_.proc + "/" + std::to_string(pid);
        bool empty = true;
        const auto look = [&](int fd) {
            empty = false;
            struct stat status {};
            if (::stat((folder + "/fd/" + std::to_string(fd)).c_str(), &status) != 0) return;
            const auto file = std::find_if(files.begin(), files.end(), [&](const FileIdentity& wanted) {
                return wanted.device == status.st_dev && wanted.inode == status.st_ino;
            });
            if (file == files.end()) return;
            Opener opener;
            opener.pid = pid;
            if (!detail::describe(folder, opener)) return;
            opener.fd = fd;
            opener.file = static_cast<std::size_t>(file - files.begin());
            opener.direct = is_direct(folder, fd);
            scan.openers.push_back(std::move(opener));
        };
        bool readable = detail::for_each_number(folder + "/fd", look);
        if (empty) {
            if (auto thread = detail::living_thread(folder)) {
                folder = std::move(*thread);
                readable = detail::for_each_number(folder + "/fd", look);
            }
        }
        if (!readable && detail::refused()) ++scan.not_permitted;
    });
    std::sort(scan.openers.begin(), scan.openers.end(), [](const Opener& a, const Opener& b) {
        return std::pair(a.pid, a.fd) < std::pair(b.pid, b.fd);
    });
    detail::judge_sight(roots_.proc, scan);
    return scan;
}

std::optional<PageMap> KernelProcessTable::present_pages(int pid, const MappedArea& area) const {
    const std::string process = roots_.proc + "/" + std::to_string(pid);
    const std::string folder = detail::living_thread(process).value_or(process);
    const Fd pagemap(::open((folder + "/pagemap").c_str(), O_RDONLY | O_CLOEXEC));
    if (!pagemap) return std::nullopt;
    PageMap map(area.range, page_size());
    if (allow_ == Allow::everything && detail::scan_present(pagemap.get(), area.address, map)) return map;
    if (detail::read_present(pagemap.get(), area.address, map)) return map;
    return std::nullopt;
}

std::uint64_t locked_once(const ProcessTable& table, std::span<const Mapper> mappers) {
    std::map<std::size_t, std::vector<Range>> pages;  // by file
    std::uint64_t most = 0;
    for (const Mapper& mapper : mappers) {
        std::uint64_t sum = 0;
        for (const MappedArea& area : mapper.areas) {
            if (!area.cost || area.cost->locked <= area.cost->anonymous) continue;
            sum += area.cost->locked - area.cost->anonymous;
            if (area.cost->anonymous != 0) continue;  // page tables do not tell copies from the file's pages
            const auto present = table.present_pages(mapper.pid, area);
            if (!present) continue;
            const std::vector<Range> ranges = present->stretches(true);
            pages[area.file].insert(pages[area.file].end(), ranges.begin(), ranges.end());
        }
        most = std::max(most, sum);
    }
    std::uint64_t together = 0;
    for (auto& [file, ranges] : pages) together += total_size(merged(std::move(ranges)));
    return std::max(most, together);
}

int process_of(int thread, const KernelRoots& roots) {
    const auto status =
        detail::read_kernel_file(roots.proc + "/" + std::to_string(thread) + "/status").value_or("");
    const auto process = static_cast<int>(detail::number_after(status, "Tgid:"));
    return process == 0 ? thread : process;
}

void clear_referenced(int pid, const KernelRoots& roots) {
    const std::string process = roots.proc + "/" + std::to_string(pid);
    const std::string path = detail::living_thread(process).value_or(process) + "/clear_refs";
    const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    // "1" stands for the pages of all mappings (Documentation/filesystems/proc.rst).
    if (!file || ::write(file.get(), "1", 1) != 1)
        throw io_error({path}, "cannot clear referenced bits", errno);
}

}  // namespace ggufmap
