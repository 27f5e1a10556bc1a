#include "gguf-inspect/sheet.hpp"

#include <algorithm>

#include "ggufmap/text.hpp"

namespace ggufmap::inspect {
namespace {

constexpr std::size_t most_bytes = 400;  // of a value: five lines of a screen
constexpr std::size_t label_column = 2;
constexpr std::size_t value_column = 17;

}  // namespace

std::size_t length_of(std::string_view utf8) {
    return static_cast<std::size_t>(std::count_if(
        utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

void Sheet::row(std::string_view label, const std::string& value) {
    if (value.empty()) return;
    const bool whole = value.size() <= most_bytes;
    std::size_t end = whole ? value.size() : most_bytes;
    while (!whole && end > 0 && (static_cast<unsigned char>(value[end]) & 0xC0) == 0x80) --end;
    rows_.push_back(
        {std::string(label), printable(std::string_view(value).substr(0, end)) + (whole ? "" : "...")});
}

void Sheet::print(cli::Io& io) const {
    const cli::Terminal terminal = io.terminal(cli::Stream::out);
    const Paint paint(terminal);
    for (const Row& row : rows_) {
        const std::size_t gap =
            value_column - label_column - std::min(row.label.size(), value_column - label_column - 1);
        io.out(std::string(label_column, ' ') + paint.dim(row.label) + std::string(gap, ' ') +
               wrapped(row.value, value_column, terminal.width) + "\n");
    }
}

std::string wrapped(std::string_view text, std::size_t indent, std::size_t width) {
    if (width <= indent + 1) return std::string(text);
    const std::size_t room = width - indent;
    std::string out;
    std::size_t used = 0;
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find(' '));
        const std::size_t length = length_of(word);
        if (used > 0 && used + 1 + length > room) {
            out += "\n" + std::string(indent, ' ');
            used = 0;
        } else if (used > 0) {
            out += ' ';
            ++used;
        }
        out += word;
        used += length;
        text.remove_prefix(std::min(text.size(), word.size() + 1));
    }
    return out;
}

}  // namespace ggufmap::inspect
