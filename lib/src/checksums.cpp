#include "ggufmap/checksums.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "ggufmap/error.hpp"
#include "ggufmap/manifest.hpp"

namespace ggufmap {
namespace {

constexpr std::string_view comment = "# ";
constexpr std::uint64_t list_limit = 32ULL << 20;  // 99,999 pieces, whose names may have 255 bytes: 29 MB

std::optional<Checksum> checksum_of(std::string_view line) {
    auto entry = parse_manifest_line(line);
    if (!entry || !entry->of_file || entry->kind != DigestKind::xxh3_128) return std::nullopt;
    return Checksum{std::move(entry->name), hex_of(entry->kind, entry->digest)};
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

std::optional<std::string> name_in_list(const OutputDirectory& directory, const File& file) {
    namespace fs = std::filesystem;
    std::string name = split_path(file.name()).name;
    if (!directory.holds(name, file.identity())) {
        std::error_code error;
        const fs::path from = fs::canonical(directory.prefix().empty() ? "." : directory.prefix(), error);
        if (!error) name = fs::proximate(fs::canonical(file.name(), error), from, error).string();
        if (error || !directory.holds(name, file.identity())) return std::nullopt;
    }
    return name.find('\n') == name.npos ? std::optional(name) : std::nullopt;
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
        auto checksum = checksum_of(commented ? line.substr(comment.size()) : line);
        if (!checksum && (line.empty() || line.starts_with('#'))) continue;
        if (!checksum)
            throw Error(ErrorKind::malformed, {file, fmt::format("line {}", number)},
                        "wanted the 32 digits of XXH128, two blanks and a file name");
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
