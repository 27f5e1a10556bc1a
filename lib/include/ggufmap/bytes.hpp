// Extents and little-endian loads.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "ggufmap/export.hpp"

namespace ggufmap {

using Bytes = std::span<const std::byte>;

/// `size` bytes from `offset` on. Every extent in this library is one of these; offset + size never wraps.
struct Range {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;

    constexpr std::uint64_t end() const { return offset + size; }
    constexpr bool empty() const { return size == 0; }
    constexpr bool contains(Range other) const { return other.offset >= offset && other.end() <= end(); }
    constexpr bool overlaps(Range other) const { return other.offset < end() && offset < other.end(); }
    auto operator<=>(const Range&) const = default;
};

/// Sorts by offset, drops empty ranges and joins those that touch or overlap.
GGUFMAP_API std::vector<Range> merged(std::vector<Range> ranges);

/// Sum of the sizes.
GGUFMAP_API std::uint64_t total_size(std::span<const Range> ranges);

/// The part of `range` inside `window`; empty where they do not meet.
GGUFMAP_API Range intersection(Range range, Range window);

/// The smallest page-aligned range around `range`; `page` is a power of two.
GGUFMAP_API Range page_cover(Range range, std::uint64_t page);

/// The integer or float that starts at `from`, whatever its alignment. GGUF and x86-64 are little-endian
/// both.
template <typename T>
requires std::is_arithmetic_v<T> T load_le(const std::byte* from) {
    static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "big-endian hosts are not supported");
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

inline std::string_view as_text(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline Bytes as_bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

}  // namespace ggufmap
