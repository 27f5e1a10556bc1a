#include "gguf-residency/shades.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>

namespace ggufmap::residency {
namespace {

// Nothing, up to a third, up to two thirds, more, everything, unknown.
constexpr std::array<std::string_view, 6> block_shades = {"·", "░", "▒", "▓", "█", "?"};
constexpr std::array<std::string_view, 6> ascii_shades = {".", "-", "+", "*", "#", "?"};
constexpr std::array<std::string_view, 6> colours = {"\x1b[2m",  "\x1b[31m", "\x1b[33m",
                                                     "\x1b[33m", "\x1b[32m", "\x1b[2m"};
constexpr std::array<std::string_view, 6> meanings = {"none", "under 1/3", "under 2/3",
                                                      "more", "all",       "unknown"};
constexpr std::size_t unknown = 5;

std::size_t level_of(const CacheCounts& bytes) {
    if (!bytes.resident) return unknown;
    if (*bytes.resident == 0) return 0;
    if (*bytes.resident >= bytes.total) return 4;
    const double share = static_cast<double>(*bytes.resident) / static_cast<double>(bytes.total);
    return share < 1.0 / 3 ? 1 : share < 2.0 / 3 ? 2 : 3;
}

// As setlocale() would decide.
bool utf8(const cli::Io& io) {
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        const auto value = io.env(name);
        if (!value || value->empty()) continue;
        std::string codeset;  // "UTF-8" and "utf8" are the same to it
        for (const char c : value->substr(std::min(value->find('.'), value->size()))) {
            if (c == '@') break;
            if (c != '-') codeset += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        }
        return codeset == ".utf8";
    }
    return false;
}

}  // namespace

Shades::Shades(const cli::Io& io) : blocks_(utf8(io)), colour_(io.terminal(cli::Stream::out).colour) {}

std::string Shades::paint(std::size_t level, unsigned width) const {
    std::string text;
    if (colour_) text += colours[level];
    for (unsigned i = 0; i < width; ++i) text += blocks_ ? block_shades[level] : ascii_shades[level];
    if (colour_) text += "\x1b[0m";
    return text;
}

std::string Shades::run(const CacheCounts& bytes, unsigned width) const {
    return paint(level_of(bytes), width);
}

std::string Shades::strip(std::span<const CacheCounts> pieces) const {
    std::string text;
    for (std::size_t first = 0; first < pieces.size();) {
        const std::size_t level = level_of(pieces[first]);
        std::size_t end = first;
        while (end < pieces.size() && level_of(pieces[end]) == level) ++end;
        text += paint(level, static_cast<unsigned>(end - first));
        first = end;
    }
    return text;
}

std::string Shades::legend(unsigned indent, unsigned width) const {
    constexpr unsigned gap = 2;
    std::string text;
    unsigned column = 0;
    for (std::size_t level = 0; level < meanings.size(); ++level) {
        const auto entry = static_cast<unsigned>(2 + meanings[level].size());
        if (level != 0 && width != 0 && column + gap + entry > width) {
            text += '\n';
            column = 0;
        }
        const unsigned before = column == 0 ? indent : gap;
        text += std::string(before, ' ') + paint(level, 1) + " " + std::string(meanings[level]);
        column += before + entry;
    }
    return text + '\n';
}

}  // namespace ggufmap::residency
