#include "ggufmap/checksums.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "ggufmap/error.hpp"

namespace ggufmap {
namespace {

constexpr std::size_t hex_digits = 32;
constexpr std::uint64_t list_limit = 64ULL << 20;  // a set of 65535 shards has lists of about 4 MiB

// "DIGEST  NAME"; a star for the second blank says "binary" to other tools of the family.
std::optional<Checksum> parse_line(std::string_view line) {
    if (line.size() < hex_digits + 3 || line[hex_digits] != ' ') return std::nullopt;
    if (line[hex_digits + 1] != ' ' && line[hex_digits + 1] != '*') return std::nullopt;
    const std::string_view hex = line.substr(0, hex_digits);
    const std::string_view name = line.substr(hex_digits + 2);
    if (hex.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
    if (name == "." || name == ".." || name.find('/') != std::string_view::npos) return std::nullopt;
    return Checksum{std::string(name), std::string(hex)};
}

}  // namespace

std::string format_checksums(const std::vector<Checksum>& checksums) {
    std::string text;
    for (const Checksum& checksum : checksums) text += fmt::format("{}  {}\n", checksum.hex, checksum.name);
    return text;
}

std::vector<Checksum> parse_checksums(std::string_view text, const std::string& file) {
    std::vector<Checksum> checksums;
    std::size_t number = 0;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        ++number;
        if (line.empty() || line.starts_with('#')) continue;
        auto checksum = parse_line(line);
        if (!checksum)
            throw Error(ErrorKind::malformed, {file, fmt::format("line {}", number)},
                        "wanted the 32 digits of XXH128, two blanks and a plain file name");
        checksums.push_back(std::move(*checksum));
    }
    return checksums;
}

std::vector<Checksum> read_checksums(const File& file) {
    if (file.size() > list_limit)
        throw Error(ErrorKind::limit, {file.name()}, "too large for a checksum list");
    std::vector<std::byte> bytes(file.size());
    file.read_exactly(0, bytes);
    return parse_checksums(as_text(bytes), file.name());
}

std::optional<std::string> find_checksum(const std::vector<Checksum>& checksums, std::string_view name) {
    const auto at = std::find_if(checksums.begin(), checksums.end(),
                                 [&](const Checksum& checksum) { return checksum.name == name; });
    if (at == checksums.end()) return std::nullopt;
    return at->hex;
}

}  // namespace ggufmap
