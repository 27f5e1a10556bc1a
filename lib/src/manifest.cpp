#include "ggufmap/manifest.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "ggufmap/error.hpp"

namespace ggufmap {
namespace {

// A digest and the longest path, each of its characters escaped; longer lines are none of a manifest.
constexpr std::size_t most_line_bytes = std::size_t{16} << 10;

constexpr std::string_view hex_digits = "0123456789abcdef";

struct KindWord {
    std::string_view word;
    DigestKind kind;
};
constexpr KindWord weights_words[] = {{"xxh3", DigestKind::xxh3_128}, {"xxh3_64", DigestKind::xxh3_64},
                                      {"xxh64", DigestKind::xxh64},   {"sha1", DigestKind::sha1},
                                      {"sha256", DigestKind::sha256}, {"uuid", DigestKind::uuid}};
constexpr KindWord tag_words[] = {{"XXH3", DigestKind::xxh3_64},
                                  {"XXH64", DigestKind::xxh64},
                                  {"XXH128", DigestKind::xxh3_128},
                                  {"SHA1", DigestKind::sha1},
                                  {"SHA256", DigestKind::sha256}};

template <std::size_t N>
std::optional<DigestKind> find_word(const KindWord (&words)[N], std::string_view word) {
    for (const KindWord& one : words) {
        if (one.word == word) return one.kind;
    }
    return std::nullopt;
}

std::size_t digit_count(DigestKind kind) { return 2 * digest_size(kind); }

// Lower case, or nothing where it is no digest of that kind.
std::optional<std::string> clean_hex(std::string_view text, DigestKind kind) {
    std::string hex;
    std::size_t dashes = 0;
    for (const char c : text) {
        const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
        if (lower == '-' && kind == DigestKind::uuid) {
            ++dashes;
        } else if (hex_digits.find(lower) == std::string_view::npos) {
            return std::nullopt;
        }
        hex += lower;
    }
    if (hex.size() - dashes != digit_count(kind)) return std::nullopt;
    return hex;
}

std::optional<std::string> unescape(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            plain += text[i];
            continue;
        }
        if (++i == text.size()) return std::nullopt;
        switch (text[i]) {
            case '\\':
                plain += '\\';
                break;
            case 'n':
                plain += '\n';
                break;
            case 'r':
                plain += '\r';
                break;
            default:
                return std::nullopt;
        }
    }
    return plain;
}

// The name, and true where it had to be escaped.
std::pair<std::string, bool> escape(std::string_view name) {
    const auto plain = [](char c) { return c != '\\' && c != '\n' && c != '\r'; };
    if (std::all_of(name.begin(), name.end(), plain)) return {std::string(name), false};
    std::string escaped;
    for (const char c : name)
        escaped += c == '\\' ? "\\\\" : c == '\n' ? "\\n" : c == '\r' ? "\\r" : std::string(1, c);
    return {escaped, true};
}

// Comments, and what our own --hash --scan prints between the digests.
bool is_meant_for_others(std::string_view line) {
    return line.starts_with('#') || line.starts_with("scan  ");
}

std::string_view take_word(std::string_view& line) {
    const std::size_t end = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(end);
    return word;
}

void skip_spaces(std::string_view& line) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
}

using Found = std::optional<ManifestEntry>;

Found entry(std::optional<DigestKind> kind, std::string_view hex, std::string_view name, bool of_file) {
    if (!kind || name.empty()) return std::nullopt;
    const auto clean = clean_hex(hex, *kind);
    if (!clean) return std::nullopt;
    return ManifestEntry{*kind, *clean, std::string(name), of_file, 0};
}

// "sha1      HEX  NAME"
Found weights_entry(std::string_view line) {
    const auto kind = find_word(weights_words, take_word(line));
    skip_spaces(line);
    const std::string_view hex = take_word(line);
    skip_spaces(line);
    return entry(kind, hex, line, false);
}

// "SHA256 (NAME) = HEX"
Found tagged_entry(std::string_view line) {
    const auto kind = find_word(tag_words, take_word(line));
    constexpr std::string_view middle = ") = ";
    const std::size_t end = line.rfind(middle);
    if (!line.starts_with(" (") || end == std::string_view::npos || end < 2) return std::nullopt;
    return entry(kind, line.substr(end + middle.size()), line.substr(2, end - 2), true);
}

// "HEX  NAME", "HEX *NAME"
Found sum_entry(std::string_view line) {
    constexpr std::string_view xxh3_prefix = "XXH3_";
    const bool xxh3 = line.starts_with(xxh3_prefix);
    if (xxh3) line.remove_prefix(xxh3_prefix.size());
    const std::string_view hex = take_word(line);
    if (!line.starts_with("  ") && !line.starts_with(" *")) return std::nullopt;
    std::optional<DigestKind> kind;
    for (const DigestKind one :
         {DigestKind::xxh64, DigestKind::xxh3_128, DigestKind::sha1, DigestKind::sha256}) {
        if (hex.size() == digit_count(one)) kind = one;
    }
    if (xxh3) kind = DigestKind::xxh3_64;
    return entry(kind, hex, line.substr(2), true);
}

}  // namespace

std::optional<ManifestEntry> parse_manifest_line(std::string_view line) {
    if (line.size() > most_line_bytes) return std::nullopt;
    const bool escaped = line.starts_with('\\');
    if (escaped) line.remove_prefix(1);
    for (const auto parse : {weights_entry, tagged_entry, sum_entry}) {
        Found found = parse(line);
        if (!found) continue;
        if (escaped) {
            const auto name = unescape(found->name);
            if (!name) return std::nullopt;
            found->name = *name;
        }
        return found;
    }
    return std::nullopt;
}

Manifest parse_manifest(std::string_view text, const std::string& name) {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";  // editors of other systems put it there
    if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    Manifest manifest;
    std::uint32_t number = 0;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        ++number;
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.find_first_not_of(" \t") == std::string_view::npos || is_meant_for_others(line)) continue;
        auto found = parse_manifest_line(line);
        if (found) {
            found->line = number;
            manifest.entries.push_back(std::move(*found));
        } else {
            manifest.unknown.push_back(number);
        }
    }
    if (manifest.entries.empty())
        throw Error(ErrorKind::usage, {name},
                    "no line of a manifest: wanted those of llama-gguf-hash, xxhsum, sha256sum or sha1sum");
    return manifest;
}

std::string weights_line(DigestKind kind, std::string_view hex, std::string_view name) {
    constexpr std::size_t word_width = 8;
    const auto [shown, escaped] = escape(name);
    const std::string_view word = name_of(kind);
    std::string line;
    line.reserve(1 + word_width + 2 + hex.size() + 2 + shown.size());
    if (escaped) line += '\\';
    line += word;
    line.append(word_width - word.size() + 2, ' ');
    line += hex;
    line += "  ";
    line += shown;
    return line;
}

std::string file_line(DigestKind kind, std::string_view hex, std::string_view name) {
    const auto [shown, escaped] = escape(name);
    const std::string_view mark = escaped ? "\\" : "";
    // 16 digits alone are XXH64: xxhsum prints XXH3 with its name.
    if (kind == DigestKind::xxh3_64) return fmt::format("{}XXH3 ({}) = {}", mark, shown, hex);
    return fmt::format("{}{}  {}", mark, hex, shown);
}

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace ggufmap
