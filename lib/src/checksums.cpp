#include "ggufmap/checksums.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "ggufmap/error.hpp"

namespace ggufmap {
namespace {

constexpr std::size_t hex_digits = 32;
constexpr std::string_view comment = "# ";
constexpr std::uint64_t list_limit = 32ULL << 20;  // 99,999 pieces, whose names may have 255 bytes: 29 MB

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
    for (const Checksum& checksum : checksums) {
        std::string name = checksum.name;
        std::replace(name.begin(), name.end(), '\n', '?');  // only in comments: nobody looks for that name
        text += fmt::format("{}{}  {}\n", checksum.elsewhere ? comment : "", checksum.hex, name);
    }
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
        const bool commented = line.starts_with(comment);
        auto checksum = parse_line(commented ? line.substr(comment.size()) : line);
        if (!checksum && (line.empty() || line.starts_with('#'))) continue;
        if (!checksum)
            throw Error(ErrorKind::malformed, {file, fmt::format("line {}", number)},
                        "wanted the 32 digits of XXH128, two blanks and a plain file name");
        checksum->elsewhere = commented;
        checksums.push_back(std::move(*checksum));
    }
    sort_by_name(checksums);
    return checksums;
}

std::vector<Checksum> read_checksums(const File& file) {
    if (file.size() > list_limit)
        throw Error(ErrorKind::limit, {file.name()}, "too large for a checksum list");
    std::vector<std::byte> bytes(file.size());
    file.read_exactly(0, bytes);
    return parse_checksums(as_text(bytes), file.name());
}

void sort_by_name(std::vector<Checksum>& checksums) {
    std::stable_sort(checksums.begin(), checksums.end(),
                     [](const Checksum& a, const Checksum& b) { return a.name < b.name; });
}

std::optional<std::string> find_checksum(const std::vector<Checksum>& sorted, std::string_view name) {
    auto at = std::lower_bound(sorted.begin(), sorted.end(), name,
                               [](const Checksum& a, std::string_view b) { return a.name < b; });
    while (at != sorted.end() && at->name == name && at->elsewhere) ++at;
    if (at == sorted.end() || at->name != name) return std::nullopt;
    return at->hex;
}

}  // namespace ggufmap
