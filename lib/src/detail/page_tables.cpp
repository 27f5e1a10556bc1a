#include "detail/page_tables.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

namespace ggufmap::detail {
namespace {

// Source: include/uapi/linux/fs.h of Linux 6.7; Debian 12's headers are older.
struct PageRegion {
    std::uint64_t begin;
    std::uint64_t end;
    std::uint64_t categories;
};
struct ScanArguments {
    std::uint64_t size;
    std::uint64_t flags;
    std::uint64_t begin;
    std::uint64_t end;
    std::uint64_t walk_end;
    std::uint64_t regions;
    std::uint64_t region_count;
    std::uint64_t max_pages;
    std::uint64_t inverted;
    std::uint64_t all_of;
    std::uint64_t any_of;
    std::uint64_t returned;
};
constexpr unsigned long scan_request = _IOWR('f', 16, ScanArguments);
constexpr std::uint64_t page_is_present = 1 << 3;

constexpr std::uint64_t present_bit = 1ULL << 63;  // Documentation/admin-guide/mm/pagemap.rst

}  // namespace

bool scan_present(int pagemap, std::uint64_t address, PageMap& map) {
    std::array<PageRegion, 512> regions{};
    ScanArguments scan{};
    scan.size = sizeof scan;
    scan.begin = address;
    scan.end = address + map.page_count() * map.page();
    scan.regions = reinterpret_cast<std::uintptr_t>(regions.data());
    scan.region_count = regions.size();
    scan.all_of = page_is_present;
    scan.returned = page_is_present;
    while (scan.begin < scan.end) {
        const int filled = ::ioctl(pagemap, scan_request, &scan);
        if (filled < 0) return false;
        for (std::size_t i = 0; i < static_cast<std::size_t>(filled); ++i) {
            map.set((regions[i].begin - address) / map.page(),
                    (regions[i].end - regions[i].begin) / map.page());
        }
        if (scan.walk_end <= scan.begin) return false;
        scan.begin = scan.walk_end;
    }
    return true;
}

bool read_present(int pagemap, std::uint64_t address, PageMap& map) {
    constexpr std::size_t entry = sizeof(std::uint64_t);
    std::vector<std::uint64_t> entries(std::min<std::uint64_t>(8192, map.page_count()));
    const std::uint64_t first = address / map.page();
    for (std::uint64_t index = 0; index < map.page_count();) {
        const std::uint64_t wanted = std::min<std::uint64_t>(entries.size(), map.page_count() - index);
        const ssize_t got =
            ::pread(pagemap, entries.data(), wanted * entry, static_cast<off_t>((first + index) * entry));
        if (got < static_cast<ssize_t>(entry)) return false;
        for (std::size_t i = 0; i < static_cast<std::size_t>(got) / entry; ++i, ++index) {
            if ((entries[i] & present_bit) != 0) map.set(index);
        }
    }
    return true;
}

}  // namespace ggufmap::detail
