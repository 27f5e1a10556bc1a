#include "ggufmap/text.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

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

namespace {

// How many bytes at the front are ' ' to '~'. Eight at a time: 100,000 names and their types are 4 MB.
std::size_t plain_prefix(std::string_view bytes) {
    constexpr std::uint64_t ones = 0x0101010101010101;
    constexpr std::uint64_t high = 0x80 * ones;
    std::size_t plain = 0;
    for (std::uint64_t eight = 0; plain + sizeof eight <= bytes.size(); plain += sizeof eight) {
        std::memcpy(&eight, bytes.data() + plain, sizeof eight);
        // The upper bit of each byte that is below ' ', above '~', or behind one of those.
        const std::uint64_t odd = (eight - 0x20 * ones) | (eight + ones) | eight;
        if ((odd & high) != 0) break;
    }
    const auto odd = std::find_if(bytes.begin() + static_cast<std::ptrdiff_t>(plain), bytes.end(),
                                  [](char c) { return c < ' ' || c > '~'; });
    return static_cast<std::size_t>(odd - bytes.begin());
}

// fmt takes 30 ns for each byte of binary text that is called a string.
void append_hex(std::string& out, unsigned number, unsigned digits) {
    while (digits-- > 0) out += "0123456789abcdef"[(number >> (4 * digits)) & 0xF];
}

}  // namespace

std::string printable(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size());
    append_printable(out, bytes);
    return out;
}

void append_printable(std::string& out, std::string_view bytes) {
    for (;;) {
        // Names are plain ASCII almost always: runs of it go over whole.
        const std::size_t plain = plain_prefix(bytes);
        out += bytes.substr(0, plain);
        bytes.remove_prefix(plain);
        if (bytes.empty()) return;
        const auto [c, size] = detail::decode_utf8(bytes);
        if (size == 0) {
            out += "\\x";
            append_hex(out, static_cast<unsigned char>(bytes[0]), 2);
        } else if (!detail::is_control(c)) {
            out += bytes.substr(0, size);
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if (c < 0x80) {
            out += "\\x";
            append_hex(out, c, 2);
        } else {
            out += "\\u";  // no control character lies beyond U+2069
            append_hex(out, c, 4);
        }
        bytes.remove_prefix(size == 0 ? 1 : size);
    }
}

}  // namespace ggufmap
