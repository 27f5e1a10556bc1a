// One step of UTF-8 decoding, shared by text and JSON.
#pragma once

#include <cstddef>
#include <string_view>

namespace ggufmap::detail {

struct Utf8Step {
    char32_t code_point;  ///< meaningless when size is 0
    std::size_t size;     ///< 1 to 4 bytes; 0: no well-formed character starts here
};

/// The character at the start of `bytes`, which is not empty. Table 3-7 of the Unicode standard.
inline Utf8Step decode_utf8(std::string_view bytes) {
    const auto at = [&](std::size_t i) -> unsigned {
        return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0;
    };
    const auto tail = [&](std::size_t i) { return (at(i) & 0xC0) == 0x80; };
    const unsigned first = at(0);
    if (first < 0x80) return {first, 1};
    if (first >= 0xC2 && first <= 0xDF && tail(1)) return {(first & 0x1F) << 6 | (at(1) & 0x3F), 2};
    if (first >= 0xE0 && first <= 0xEF && tail(1) && tail(2)) {
        const char32_t c = (first & 0x0F) << 12 | (at(1) & 0x3F) << 6 | (at(2) & 0x3F);
        return {c, c >= 0x800 && (c < 0xD800 || c > 0xDFFF) ? 3U : 0U};
    }
    if (first >= 0xF0 && first <= 0xF4 && tail(1) && tail(2) && tail(3)) {
        const char32_t c = (first & 0x07) << 18 | (at(1) & 0x3F) << 12 | (at(2) & 0x3F) << 6 | (at(3) & 0x3F);
        return {c, c >= 0x10000 && c <= 0x10FFFF ? 4U : 0U};
    }
    return {0, 0};
}

/// Characters that must never reach a terminal raw: C0, DEL, C1, line and paragraph separators, and the
/// bidirectional controls that can make text read as something else.
inline bool is_control(char32_t c) {
    return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x061C || c == 0x200E || c == 0x200F || c == 0x2028 ||
           c == 0x2029 || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

}  // namespace ggufmap::detail
