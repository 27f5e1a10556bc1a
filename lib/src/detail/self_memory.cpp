#include "detail/self_memory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>

#include "ggufmap/file.hpp"

namespace ggufmap::detail {
namespace {

constexpr std::uint64_t present_bit = 1ULL << 63;  // Documentation/admin-guide/mm/pagemap.rst
constexpr std::uint64_t table_bytes = 4096;
constexpr std::uint64_t pages_a_table = 512;

}  // namespace

std::optional<PresentPages> present_pages(const std::byte* address, std::uint64_t size) {
    const Fd pagemap(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
    if (!pagemap) return std::nullopt;
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const std::uint64_t first = reinterpret_cast<std::uintptr_t>(address) / page;
    const std::uint64_t end = first + size / page;
    PresentPages result{0, 0};
    std::uint64_t last_table = UINT64_MAX;
    std::array<std::uint64_t, 8192> entries{};
    for (std::uint64_t number = first; number < end;) {
        const std::uint64_t want = std::min<std::uint64_t>(entries.size(), end - number);
        const ssize_t got = ::pread(pagemap.get(), entries.data(), want * 8, static_cast<off_t>(number * 8));
        if (got < 8) return std::nullopt;
        for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(got) / 8; ++i, ++number) {
            if ((entries[i] & present_bit) == 0) continue;
            result.bytes += page;
            if (number / pages_a_table != last_table) result.table_bytes += table_bytes;
            last_table = number / pages_a_table;
        }
    }
    return result;
}

std::optional<OwnCost> own_cost(const std::byte* address, std::uint64_t size) {
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    const std::unique_ptr<std::FILE, Close> smaps(std::fopen("/proc/self/smaps", "re"));
    if (!smaps) return std::nullopt;
    const auto begin = reinterpret_cast<std::uintptr_t>(address);
    bool inside = false;
    std::uint64_t rss = 0;  // of this entry
    OwnCost total;
    std::array<char, 4096> line{};
    while (std::fgets(line.data(), static_cast<int>(line.size()), smaps.get()) != nullptr) {
        unsigned long from = 0;
        unsigned long to = 0;
        unsigned long kib = 0;
        if (std::sscanf(line.data(), "%lx-%lx ", &from, &to) == 2) {
            inside = from >= begin && to <= begin + size;
        } else if (inside && std::sscanf(line.data(), "Rss: %lu kB", &kib) == 1) {
            rss = kib * 1024;
        } else if (inside && std::strncmp(line.data(), "VmFlags:", 8) == 0) {
            // Not "Locked:", which divides each page among the processes that map it.
            if (std::strstr(line.data(), " lo") != nullptr) total.locked += rss;
        } else if (inside && (std::sscanf(line.data(), "FilePmdMapped: %lu kB", &kib) == 1 ||
                              std::sscanf(line.data(), "ShmemPmdMapped: %lu kB", &kib) == 1)) {
            total.huge += kib * 1024;
        }
    }
    return total;
}

}  // namespace ggufmap::detail
