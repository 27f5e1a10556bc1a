#include "detail/maps.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "detail/kernel_files.hpp"

namespace ggufmap::detail {

std::optional<MapsLine> parse_maps_line(std::string_view line) {
    MapsLine result;
    const std::string_view addresses = next_word(line);
    const auto dash = addresses.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const auto begin = hexadecimal(addresses.substr(0, dash));
    const auto end = hexadecimal(addresses.substr(dash + 1));
    result.permissions = next_word(line);
    const auto offset = hexadecimal(next_word(line));
    const std::string_view device = next_word(line);
    const auto inode = decimal(next_word(line));
    const auto colon = device.find(':');
    if (!begin || !end || !offset || !inode || colon == std::string_view::npos ||
        result.permissions.size() != 4)
        return std::nullopt;
    const auto major = hexadecimal(device.substr(0, colon));
    const auto minor = hexadecimal(device.substr(colon + 1));
    if (!major || !minor) return std::nullopt;
    result.begin = *begin;
    result.end = *end;
    result.offset = *offset;
    result.identity.device = makedev(static_cast<unsigned>(*major), static_cast<unsigned>(*minor));
    result.identity.inode = *inode;
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    result.path = line;
    return result;
}

std::optional<std::string> deleted_name(const std::string& folder, std::uint64_t inode,
                                        const std::string& path) {
    constexpr std::string_view mark = " (deleted)";
    if (!path.ends_with(mark)) return std::nullopt;
    struct stat status {};
    for (const std::string& name : {folder + "/root" + path, path}) {
        if (::stat(name.c_str(), &status) == 0 && status.st_ino == inode) return std::nullopt;
    }
    return path.substr(0, path.size() - mark.size());
}

namespace {

// Of one entry of smaps, in bytes. Anonymous pages within a file's mapping are dirty ones (they were written
// to), so the divided count of dirty pages is theirs; that of all pages bounds it where the kernel has none.
struct Entry {
    MappingCost cost;
    std::uint64_t pages = 0;  // resident, without those of hugetlbfs
    std::optional<std::uint64_t> dirty_pss;

    MappingCost whole() const {
        MappingCost result = cost;
        result.anonymous_pss = std::min({cost.anonymous, cost.pss, dirty_pss.value_or(cost.pss)});
        return result;
    }
};

}  // namespace

MappingCost sum_smaps(std::string_view smaps, const std::function<bool(std::uint64_t)>& wanted) {
    MappingCost sum;
    std::optional<Entry> current;
    while (!smaps.empty()) {
        std::string_view line = next_line(smaps);
        // Fields are "Name:  N kB"; every other line starts an entry.
        std::string_view field = line;
        const std::string_view name = next_word(field);
        if (!name.ends_with(':')) {
            if (current) sum += current->whole();
            current.reset();
            const auto entry = parse_maps_line(line);
            if (entry && wanted(entry->begin)) current.emplace().cost.mapped = entry->end - entry->begin;
            continue;
        }
        if (!current) continue;
        MappingCost& cost = current->cost;
        const std::uint64_t bytes = decimal(next_word(field)).value_or(0) * 1024;
        if (name == "Rss:") cost.rss += current->pages = bytes;
        if (name == "Pss:") cost.pss += bytes;
        if (name == "Pss_Dirty:") current->dirty_pss = bytes;
        if (name == "Anonymous:") cost.anonymous += bytes;
        if (name == "Referenced:") cost.referenced += bytes;
        if (name == "Swap:") cost.swap += bytes;
        if (name == "SwapPss:") cost.swap_pss += bytes;
        // Not "Locked:", which divides each page among the processes that map it (fs/proc/task_mmu.c).
        if (name == "VmFlags:" && line.find(" lo") != std::string_view::npos) cost.locked += current->pages;
        // Rss and Pss leave pages of hugetlbfs out (fs/proc/task_mmu.c). They are as good as locked: they
        // cannot leave.
        if (name == "Private_Hugetlb:" || name == "Shared_Hugetlb:") {
            cost.rss += bytes;
            cost.huge += bytes;
            cost.locked += bytes;
            (name == "Private_Hugetlb:" ? cost.pss : cost.shared_huge) += bytes;
        }
        if (name == "FilePmdMapped:" || name == "ShmemPmdMapped:") cost.huge += bytes;
    }
    if (current) sum += current->whole();
    return sum;
}

}  // namespace ggufmap::detail
