#include "ggufmap/manifest.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "ggufmap/error.hpp"

namespace ggufmap {
namespace {

// A digest and the longest path, each of its characters escaped; longer lines are none of a manifest.
constexpr std::size_t most_line_bytes = std::size_t{16} << 10;

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

// Its name is a part of the line, with escapes.
using Found = std::optional<ManifestEntry>;

Found entry(std::optional<DigestKind> kind, std::string_view hex, std::string_view name, bool of_file) {
    if (!kind || name.empty()) return std::nullopt;
    const auto digest = parse_hex(*kind, hex);
    if (!digest) return std::nullopt;
    return ManifestEntry{*kind, of_file, 0, *digest, name};
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

Found parse_line(std::string_view line) {
    for (const auto parse : {weights_entry, tagged_entry, sum_entry}) {
        if (Found found = parse(line)) return found;
    }
    return std::nullopt;
}

// A line as it stands: calls `use` with what it says and its name, and says whether it says anything.
template <typename Use>
bool read_line(std::string_view line, const Use& use) {
    if (line.size() > most_line_bytes) return false;
    const bool escaped = line.starts_with('\\');
    if (escaped) line.remove_prefix(1);
    const Found found = parse_line(line);
    if (!found) return false;
    const auto plain = escaped ? unescape(found->name) : std::nullopt;
    if (escaped && !plain) return false;
    use(*found, plain);
    return true;
}

std::optional<unsigned> hex_value(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
    return std::nullopt;
}

}  // namespace

std::string hex_of(DigestKind kind, const DigestBytes& digest) {
    return hex_of(kind, Bytes(digest).first(digest_size(kind)));
}

std::optional<DigestBytes> parse_hex(DigestKind kind, std::string_view hex) {
    DigestBytes digest{};
    std::size_t digits = 0;
    for (const char c : hex) {
        if (c == '-' && kind == DigestKind::uuid) continue;
        const auto value = hex_value(c);
        if (!value || digits == 2 * digest_size(kind)) return std::nullopt;
        digest[digits / 2] |= std::byte(digits % 2 == 0 ? *value << 4 : *value);
        ++digits;
    }
    if (digits != 2 * digest_size(kind)) return std::nullopt;
    return digest;
}

std::optional<ManifestLine> parse_manifest_line(std::string_view line) {
    std::optional<ManifestLine> result;
    read_line(line, [&](const ManifestEntry& entry, const std::optional<std::string>& plain) {
        result = {entry.kind, entry.digest, plain.value_or(std::string(entry.name)), entry.of_file};
    });
    return result;
}

Manifest parse_manifest(std::string text, const std::string& name) {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";  // editors of other systems put it there
    Manifest manifest;
    manifest.text = std::make_shared<const std::string>(std::move(text));
    const auto unescaped = std::make_shared<std::deque<std::string>>();
    manifest.unescaped = unescaped;
    std::string_view rest = *manifest.text;
    // A file of nothing but newlines has no entries, a line with one has 20 bytes at least.
    constexpr std::size_t least_line_bytes = 16 + 2 + 1 + 1;
    manifest.entries.reserve(std::min(static_cast<std::size_t>(std::count(rest.begin(), rest.end(), '\n')),
                                      rest.size() / least_line_bytes) +
                             1);
    if (rest.starts_with(byte_order_mark)) rest.remove_prefix(byte_order_mark.size());
    std::uint32_t number = 0;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        std::string_view line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        ++number;
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.find_first_not_of(" \t") == std::string_view::npos || is_meant_for_others(line)) continue;
        const bool known = read_line(line, [&](ManifestEntry entry, const std::optional<std::string>& plain) {
            entry.line = number;
            if (plain) entry.name = unescaped->emplace_back(*plain);
            manifest.entries.push_back(entry);
        });
        if (!known) manifest.unknown.push_back(number);
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
