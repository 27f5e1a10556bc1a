#include "detail/raw_names.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

#include "ggufmap/error.hpp"
#include "ggufmap/file.hpp"
#include "ggufmap/gguf.hpp"
#include "ggufmap/source.hpp"

namespace ggufmap::detail {
namespace {

constexpr std::uint32_t most_pieces = 99999;
constexpr std::size_t widest_suffix = 6;  // that is looked for
constexpr std::string_view of_ours = "-of-";

/// A piece's name, taken apart: prefix + number + middle, where the middle is the same for the whole set.
struct Numbered {
    std::string_view prefix;  ///< up to the number
    std::string_view number;  ///< digits, as they stand there
    std::string_view between;
    std::string_view count;
    std::string_view suffix;

    bool same_set(const Numbered& other) const {
        return prefix == other.prefix && count == other.count && suffix == other.suffix;
    }
    std::string sibling(std::uint32_t index) const {
        return fmt::format("{}{:0{}}{}{}{}", prefix, index, number.size(), between, count, suffix);
    }
    std::string unpadded_sibling(std::uint32_t index) const {
        return fmt::format("{}{}{}{}{}", prefix, index, between, count, suffix);
    }
    /// model-00001-of-00005.part has them all equally wide, model.part1of12 none wider than needed.
    std::string likely_sibling(std::uint32_t index) const {
        const bool padded = number.starts_with('0') || between == of_ours;
        return padded ? sibling(index) : unpadded_sibling(index);
    }
};

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::uint32_t value_of(std::string_view digits) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc() && value <= most_pieces ? value : 0;
}

std::string_view trailing_digits(std::string_view text) {
    std::size_t begin = text.size();
    while (begin > 0 && is_digit(text[begin - 1])) --begin;
    return text.substr(begin);
}

std::optional<Numbered> take_apart(std::string_view path, std::string_view before, std::string_view between,
                                   std::string_view suffix) {
    if (!path.ends_with(suffix)) return std::nullopt;
    std::string_view rest = path.substr(0, path.size() - suffix.size());
    const std::string_view count = trailing_digits(rest);
    rest.remove_suffix(count.size());
    if (!rest.ends_with(between)) return std::nullopt;
    rest.remove_suffix(between.size());
    const std::string_view number = trailing_digits(rest);
    rest.remove_suffix(number.size());
    if (!rest.ends_with(before) || value_of(number) == 0 || value_of(number) > value_of(count))
        return std::nullopt;
    return Numbered{rest, number, between, count, suffix};
}

std::optional<Numbered> parse_numbered(std::string_view path) {
    if (const auto ours = take_apart(path, "-", of_ours, ".part")) return ours;
    return take_apart(path, ".part", "of", "");
}

bool exists(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0;
}

Error missing(const Numbered& set, std::uint32_t index) {
    return Error(ErrorKind::mismatch, {set.likely_sibling(index)},
                 fmt::format("piece {} of {} is missing", index, value_of(set.count)), ENOENT);
}

std::vector<std::string> find_numbered(const Numbered& name) {
    std::vector<std::string> paths;
    for (std::uint32_t i = 1; i <= value_of(name.count); ++i) {
        std::string path = name.sibling(i);
        if (!exists(path)) path = name.unpadded_sibling(i);
        if (!exists(path)) throw missing(name, i);
        paths.push_back(std::move(path));
    }
    return paths;
}

char last_of(std::string_view suffix) { return is_digit(suffix[0]) ? '9' : 'z'; }
char first_of(std::string_view suffix) { return is_digit(suffix[0]) ? '0' : 'a'; }

/// The suffix that follows in split(1): ab after aa, 10 after 09; nothing after the last one of that width.
std::optional<std::string> next_suffix(std::string suffix) {
    const char last = last_of(suffix);
    const char first = first_of(suffix);
    for (std::size_t i = suffix.size(); i > 0; --i) {
        if (suffix[i - 1] != last) {
            ++suffix[i - 1];
            return suffix;
        }
        suffix[i - 1] = first;
    }
    return std::nullopt;
}

/// Without -a split widens its suffixes before they are used up: zaaa follows yz, zzaaaa follows zyzz, 9000
/// follows 89. How many times this one was widened; nothing for suffixes of a given width.
std::optional<std::size_t> widened(std::string_view suffix) {
    const std::size_t times = std::min(suffix.find_first_not_of(last_of(suffix)), suffix.size());
    if (suffix.size() != 2 * times + 2) return std::nullopt;
    return times;
}

/// The widened suffix that follows; nothing where it is not the turn.
std::optional<std::string> next_widened(std::string_view suffix) {
    const auto times = widened(suffix);
    const char last = last_of(suffix);
    if (!times || suffix[*times] != last - 1 ||
        suffix.find_first_not_of(last, *times + 1) != std::string_view::npos)
        return std::nullopt;
    return std::string(*times + 1, last) + std::string(*times + 3, first_of(suffix));
}

bool uniform(std::string_view suffix) {
    return std::all_of(suffix.begin(), suffix.end(), is_digit) ||
           std::all_of(suffix.begin(), suffix.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

/// Whether it is a GGUF file that goes on elsewhere; a directory, say, is none.
bool begins_model(const std::string& path) try {
    const File file = File::open(path);
    std::array<std::byte, 4> magic{};
    if (file.read_some(0, magic) < magic.size() || as_text(magic) != "GGUF") return false;
    FileSource source(file);
    try {
        return parse(source).data_end().value_or(0) > file.size();
    } catch (const Error&) {
        return true;  // its header is longer than the piece
    }
} catch (const Error&) {
    return false;
}

/// The first suffix of a set: zeros or a's, or 1 (split --numeric-suffixes=1). A set from 1 on could be the
/// rest of one from 0 on, or model.gguf.1 an older model.gguf: its first piece has to tell.
std::string first_suffix(const std::string& base, std::size_t width, bool numeric) {
    std::string suffix(width, numeric ? '0' : 'a');
    if (!numeric || exists(base + suffix)) return suffix;
    std::string one = suffix;
    one.back() = '1';
    return exists(base + one) && begins_model(base + one) ? one : suffix;
}

/// Pieces of split(1) with suffixes of `width` characters; empty if `path` is none of them. A gap is known by
/// `path` behind it, or by a single missing piece: further away, files may belong to something else.
std::vector<std::string> find_split_pieces(const std::string& path, std::size_t width) {
    if (path.size() < width || !uniform(std::string_view(path).substr(path.size() - width))) return {};
    const std::string base = path.substr(0, path.size() - width);
    const std::size_t first_width = widened(path.substr(base.size())) ? 2 : width;
    std::optional<std::string> suffix = first_suffix(base, first_width, is_digit(path.back()));
    std::vector<std::string> paths;
    while (suffix && exists(base + *suffix)) {
        paths.push_back(base + *suffix);
        const auto wider = next_widened(*suffix);
        suffix = next_suffix(*suffix);
        if (wider && exists(base + *wider) && !(suffix && exists(base + *suffix))) suffix = wider;
    }
    const bool found = std::find(paths.begin(), paths.end(), path) != paths.end();
    if (paths.empty() || !suffix) return found ? paths : std::vector<std::string>();
    const auto behind = next_suffix(*suffix);
    if (!found || (behind && exists(base + *behind)))
        throw Error(ErrorKind::mismatch, {base + *suffix}, "this piece is missing", ENOENT);
    return paths;
}

/// A piece with a neighbour, but without the first of their set.
void require_first_split_piece(const std::string& path) {
    constexpr std::size_t usual = 2;
    if (path.size() <= usual || !uniform(std::string_view(path).substr(path.size() - usual))) return;
    const std::string base = path.substr(0, path.size() - usual);
    const std::string first(usual, first_of(path.substr(base.size())));
    const auto behind = next_suffix(path.substr(base.size()));
    if (behind && exists(path) && exists(base + *behind) && !exists(base + first))
        throw Error(ErrorKind::mismatch, {base + first}, "this piece is missing", ENOENT);
}

[[noreturn]] void unknown_name(const std::string& path) {
    require_first_split_piece(path);
    throw Error(ErrorKind::usage, {path},
                "is neither a shard nor named like a raw piece (PREFIX-00001-of-00005.part, PREFIX.part1of2, "
                "PREFIXaa)");
}

}  // namespace

bool is_numbered_piece(const std::string& path) { return parse_numbered(path).has_value(); }

std::optional<std::uint32_t> piece_number(const std::string& path) {
    const auto name = parse_numbered(path);
    return name ? std::optional(value_of(name->number)) : std::nullopt;
}

std::string raw_prefix(const std::string& path) {
    const auto name = parse_numbered(path);
    if (!name) return path;
    return std::string(name->prefix.substr(0, name->prefix.rfind(name->between == of_ours ? '-' : '.')));
}

std::vector<std::string> find_raw_pieces(const std::string& path) {
    if (const auto numbered = parse_numbered(path)) return find_numbered(*numbered);
    // All the digits first: the pieces .000 to .099 may go on with .100. Then 2, which is split's default.
    // What is a set by its last letters may be part of one by more of them.
    std::vector<std::string> most;
    const std::size_t digits = std::min(trailing_digits(path).size(), widest_suffix);
    for (const std::size_t width : {digits, std::size_t{2}, std::size_t{3}, std::size_t{4}, std::size_t{5},
                                    widest_suffix, std::size_t{1}}) {
        if (width == 0) continue;
        auto paths = find_split_pieces(path, width);
        if (paths.size() > std::max<std::size_t>(most.size(), 1)) most = std::move(paths);
    }
    if (most.empty()) unknown_name(path);
    return most;
}

std::vector<std::string> order_raw_pieces(const std::vector<std::string>& paths) {
    std::vector<std::string> sorted = paths;
    const auto first = parse_numbered(paths.front());
    if (!first) {
        std::sort(sorted.begin(), sorted.end());
        const auto found = find_raw_pieces(sorted.front());
        if (found != sorted)
            throw Error(ErrorKind::mismatch, {sorted.front()}, "is not of one set with the others");
        return sorted;
    }
    std::vector<std::string> ordered(value_of(first->count));
    for (const std::string& path : paths) {
        const auto name = parse_numbered(path);
        if (!name || !name->same_set(*first))
            throw Error(ErrorKind::mismatch, {path}, "is not of one set with " + paths.front());
        std::string& place = ordered[value_of(name->number) - 1];
        if (!place.empty()) throw Error(ErrorKind::mismatch, {path}, "is the same piece as " + place);
        place = path;
    }
    for (std::uint32_t i = 0; i < ordered.size(); ++i)
        if (ordered[i].empty()) throw missing(*first, i + 1);
    return ordered;
}

}  // namespace ggufmap::detail
