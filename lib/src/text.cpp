#include "ggufmap/text.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "detail/append_hex.hpp"
#include "detail/plain_text.hpp"
#include "detail/utf8.hpp"

namespace ggufmap {

bool valid_utf8(std::string_view bytes) {
    while (!bytes.empty()) {
        // Eight ASCII characters at a time: vocabularies are millions of them.
        std::uint64_t eight = 0;
        if (bytes.size() >= sizeof eight) {
            std::memcpy(&eight, bytes.data(), sizeof eight);
            if ((eight & 0x8080808080808080) == 0) {
                bytes.remove_prefix(sizeof eight);
                continue;
            }
        }
        const std::size_t size = detail::decode_utf8(bytes).size;
        if (size == 0) return false;
        bytes.remove_prefix(size);
    }
    return true;
}

std::string as_utf8(std::string_view bytes) {
    constexpr std::string_view replacement_character = "\uFFFD";
    std::string out;
    while (!bytes.empty()) {
        const std::size_t size = detail::decode_utf8(bytes).size;
        out += size == 0 ? replacement_character : bytes.substr(0, size);
        bytes.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return out;
}

std::string printable(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size());
    append_printable(out, bytes);
    return out;
}

void append_printable(std::string& out, std::string_view bytes) {
    for (;;) {
        // Names are plain ASCII almost always: runs of it go over whole.
        const std::size_t plain = detail::plain_prefix<>(bytes);
        out += bytes.substr(0, plain);
        bytes.remove_prefix(plain);
        if (bytes.empty()) return;
        const auto [c, size] = detail::decode_utf8(bytes);
        if (size == 0) {
            out += "\\x";
            detail::append_hex(out, static_cast<unsigned char>(bytes[0]), 2);
        } else if (!detail::is_control(c)) {
            out += bytes.substr(0, size);
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if (c < 0x80) {
            out += "\\x";
            detail::append_hex(out, c, 2);
        } else {
            out += "\\u";  // no control character lies beyond U+2069
            detail::append_hex(out, c, 4);
        }
        bytes.remove_prefix(size == 0 ? 1 : size);
    }
}

}  // namespace ggufmap
