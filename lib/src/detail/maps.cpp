#include "detail/maps.hpp"

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

std::optional<std::string> deleted_name(std::string_view path) {
    constexpr std::string_view mark = " (deleted)";
    if (!path.ends_with(mark)) return std::nullopt;
    return std::string(path.substr(0, path.size() - mark.size()));
}

MappingCost sum_smaps(std::string_view smaps, const std::function<bool(std::uint64_t)>& wanted) {
    MappingCost sum;
    bool inside = false;
    std::uint64_t rss = 0;  // of this entry
    while (!smaps.empty()) {
        std::string_view line = next_line(smaps);
        // Fields are "Name:  N kB"; every other line starts an entry.
        std::string_view field = line;
        const std::string_view name = next_word(field);
        if (!name.ends_with(':')) {
            const auto entry = parse_maps_line(line);
            inside = entry && wanted(entry->begin);
            if (inside) sum.mapped += entry->end - entry->begin;
            continue;
        }
        if (!inside) continue;
        const std::uint64_t bytes = decimal(next_word(field)).value_or(0) * 1024;
        if (name == "Rss:") sum.rss += rss = bytes;
        if (name == "Pss:") sum.pss += bytes;
        if (name == "Anonymous:") sum.anonymous += bytes;
        if (name == "Referenced:") sum.referenced += bytes;
        if (name == "Swap:") sum.swap += bytes;
        // Rss and Pss leave pages of hugetlbfs out (fs/proc/task_mmu.c). They are as good as locked: they
        // cannot leave.
        if (name == "Private_Hugetlb:" || name == "Shared_Hugetlb:") {
            sum.rss += bytes;
            sum.huge += bytes;
            sum.locked += bytes;
            (name == "Private_Hugetlb:" ? sum.pss : sum.shared_huge) += bytes;
        }
        if (name == "FilePmdMapped:" || name == "ShmemPmdMapped:") sum.huge += bytes;
        // Not "Locked:", which divides each page among the processes that map it (fs/proc/task_mmu.c).
        if (name == "VmFlags:" && line.find(" lo") != std::string_view::npos) sum.locked += rss;
    }
    return sum;
}

}  // namespace ggufmap::detail
