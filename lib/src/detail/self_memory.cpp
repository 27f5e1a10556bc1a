#include "detail/self_memory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

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

}  // namespace ggufmap::detail
