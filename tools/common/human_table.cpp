#include "common/human_table.hpp"

#include <algorithm>
#include <cwchar>
#include <utility>

#include "common/report.hpp"
#include "common/utf8_locale.hpp"

namespace ggufmap::cli {
namespace {

constexpr std::string_view ellipsis = "\u2026";  // one column wide
// No text is cut to less, even if the table gets too wide.
constexpr std::uint32_t least_text = 4;

struct Piece {
    std::size_t bytes = 0;
    std::uint32_t columns = 0;
};

// As much of the start of printable() `text` as `width` columns hold.
Piece start_of(std::string_view text, std::size_t width) {
    const bool ascii =
        std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    Piece piece;
    if (ascii) {
        piece.bytes = std::min(text.size(), width);
        piece.columns = static_cast<std::uint32_t>(piece.bytes);
        return piece;
    }
    const Utf8Locale locale;
    while (piece.bytes < text.size()) {
        wchar_t character = 0;
        std::mbstate_t state{};
        const std::size_t left = text.size() - piece.bytes;
        const std::size_t bytes = std::mbrtowc(&character, text.data() + piece.bytes, left, &state);
        const bool decoded = bytes != 0 && bytes <= left;
        const auto columns = static_cast<std::uint32_t>(decoded ? std::max(::wcwidth(character), 0) : 1);
        if (piece.columns + columns > width) break;
        piece.bytes += decoded ? bytes : 1;
        piece.columns += columns;
    }
    return piece;
}

}  // namespace

HumanTable::HumanTable(const std::vector<Column>& columns, unsigned width) : width_(width) {
    for (const Column& column : columns) {
        const bool text = column.shows == Shows::text;
        columns_.push_back({!text && column.shows != Shows::word, text, 0});
    }
    for (const Column& column : columns) add(column.heading);
}

void HumanTable::add(std::string_view cell) {
    const std::uint32_t width = start_of(cell, SIZE_MAX).columns;
    Layout& column = columns_[cells_.size() % columns_.size()];
    column.width = std::max(column.width, width);
    text_ += cell;
    cells_.push_back({text_.size(), width});
}

// What is too much is taken from the widest of the columns that may be cut.
std::vector<std::uint32_t> HumanTable::fitting_widths() const {
    std::uint64_t sum = 0;
    const auto cut_to = [&](std::uint32_t most) {
        std::vector<std::uint32_t> widths;
        sum = columns_.size() - 1;  // blanks between them
        for (const Layout& column : columns_) {
            widths.push_back(column.may_cut ? std::min(column.width, most) : column.width);
            sum += widths.back();
        }
        return widths;
    };
    std::vector<std::uint32_t> widths = cut_to(UINT32_MAX);
    if (width_ == 0 || sum <= width_) return widths;
    std::uint32_t fits = least_text;
    for (std::uint32_t too_wide = std::max(width_, least_text + 1); too_wide - fits > 1;) {
        const std::uint32_t between = fits + (too_wide - fits) / 2;
        cut_to(between);
        (sum <= width_ ? fits : too_wide) = between;
    }
    widths = cut_to(fits);
    for (std::size_t i = 0; i < widths.size() && sum < width_; ++i) {
        if (widths[i] == columns_[i].width) continue;
        ++widths[i];
        ++sum;
    }
    return widths;
}

std::string HumanTable::take() {
    if (cells_.empty() || (!headed_ && cells_.size() == columns_.size())) return "";
    headed_ = true;
    const std::vector<std::uint32_t> widths = fitting_widths();
    std::string out;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < cells_.size(); ++i) {
        const std::size_t column = i % columns_.size();
        const bool last = column + 1 == columns_.size();
        const std::uint32_t width = widths[column];
        std::string_view text = std::string_view(text_).substr(begin, cells_[i].end - begin);
        begin = cells_[i].end;
        std::uint32_t taken = cells_[i].width;
        const bool cut = taken > width;
        if (cut) {
            const Piece piece = start_of(text, width - 1);
            text = text.substr(0, piece.bytes);
            taken = piece.columns + 1;
        }
        if (columns_[column].right) out.append(width - taken, ' ');
        out += text;
        if (cut) out += ellipsis;
        if (!columns_[column].right && !last) out.append(width - taken, ' ');
        out += last ? '\n' : ' ';
    }
    text_.clear();
    cells_.clear();
    return out;
}

}  // namespace ggufmap::cli
