#include "gguf-residency/svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>

#include "common/numbers.hpp"
#include "gguf-residency/counts.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::residency {
namespace {

// Pixels.
constexpr int narrowest_labels = 90;
constexpr int map_width = 600;
constexpr int figures_width = 180;
constexpr unsigned narrowest_cell = 60;  // "experts" is 51 wide
constexpr int row_height = 16;
constexpr int top = 66;
constexpr int character_width = 8;  // of 12 pixels' monospace 7.2 as a rule
constexpr std::size_t longest_label = 40;

// XML has no U+FFFE and U+FFFF, whichever way they are written (XML 1.0, production 2).
std::string without_noncharacters(std::string text) {
    for (const char* bad : {"\xEF\xBF\xBE", "\xEF\xBF\xBF"}) {
        for (auto at = text.find(bad); at != std::string::npos; at = text.find(bad, at))
            text.replace(at, 3, "\xEF\xBF\xBD");
    }
    return text;
}

std::string escaped(const std::string& text) {
    std::string result;
    for (const char c : without_noncharacters(printable(text))) {
        switch (c) {
            case '&':
                result += "&amp;";
                break;
            case '<':
                result += "&lt;";
                break;
            case '>':
                result += "&gt;";
                break;
            case '"':
                result += "&quot;";
                break;
            default:
                result += c;
        }
    }
    return result;
}

// Characters of UTF-8.
std::size_t length(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// What is too long loses its beginning: the end of a path or of a layer's name tells more.
std::string fitted(const std::string& text, std::size_t most) {
    const std::string shown = printable(text);
    std::size_t left = length(shown);
    if (left <= most) return shown;
    std::size_t at = 0;
    while (left >= most) {
        for (++at; at < shown.size() && (shown[at] & 0xC0) == 0x80;) ++at;
        --left;
    }
    return "…" + shown.substr(at);
}

// From light grey (nothing) to dark green (all); hatched grey would need a pattern, so unknown is plain grey.
std::string colour_of(std::optional<double> percent) {
    if (!percent) return "#999999";
    const auto mix = [&](int from, int to) { return from + static_cast<int>((to - from) * *percent / 100); };
    return fmt::format("#{:02x}{:02x}{:02x}", mix(0xee, 0x1b), mix(0xee, 0x7f), mix(0xee, 0x3b));
}

class Drawing {
public:
    void text(int x, int y, const std::string& anchor, const std::string& content) {
        fmt::format_to(std::back_inserter(svg_), "<text x=\"{}\" y=\"{}\" text-anchor=\"{}\">{}</text>\n", x,
                       y, anchor, escaped(content));
    }
    void sample(int x, int y, int width, std::optional<double> percent) {
        fmt::format_to(std::back_inserter(svg_),
                       "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>\n", x, y, width,
                       row_height - 2, colour_of(percent));
    }
    void cell(int x, int y, int width, const CacheCounts& bytes, const std::string& what) {
        const auto percent = percent_resident(bytes);
        fmt::format_to(std::back_inserter(svg_),
                       "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"><title>{}: {} of {}"
                       "</title></rect>\n",
                       x, y, width, row_height - 2, colour_of(percent), escaped(what),
                       percent ? cli::human_percent(*percent) : "unknown", cli::human_size(bytes.total));
    }
    std::string finish(int width, int height) const {
        return fmt::format(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" font-family=\"monospace\" "
            "font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{}</svg>\n",
            width, height, svg_);
    }

private:
    std::string svg_;
};

void draw_cells(Drawing& drawing, const HeatMap& map, const HeatRow& row, const std::vector<unsigned>& widths,
                int x, int y) {
    if (!row.layers) return drawing.cell(x, y, map_width - 2, row.total, row.label);
    for (std::size_t i = 0; i < widths.size(); ++i) {
        const auto width = static_cast<int>(widths[i]);
        if (row.cells[i].total != 0)
            drawing.cell(x, y, width - 2, row.cells[i],
                         fmt::format("{} {}", row.label, name_of(map.columns[i])));
        x += width;
    }
}

void draw_legend(Drawing& drawing, int x, int y) {
    constexpr int box = 20;
    constexpr int entry = 90;
    for (const int percent : {0, 25, 50, 75, 100}) {
        drawing.sample(x, y, box, percent);
        drawing.text(x + box + 4, y + row_height - 5, "start", fmt::format("{} %", percent));
        x += entry;
    }
    drawing.sample(x, y, box, std::nullopt);
    drawing.text(x + box + 4, y + row_height - 5, "start", "unknown");
}

}  // namespace

std::string heat_svg(const HeatMap& map, const std::string& model, const std::string& total) {
    std::size_t longest = 0;
    for (const HeatRow& row : map.rows) longest = std::max(longest, length(row.label));
    const int label_width =
        std::max(narrowest_labels, static_cast<int>(std::min(longest, longest_label)) * character_width + 16);
    const int width = label_width + map_width + figures_width;
    Drawing drawing;
    drawing.text(10, 20, "start", fitted(model, static_cast<std::size_t>(width - 20) / character_width));
    drawing.text(10, 36, "start", total);
    const std::vector<unsigned> widths = column_widths(map, map_width, narrowest_cell);
    int x = label_width;
    for (std::size_t i = 0; i < widths.size(); ++i) {
        drawing.text(x, top - 6, "start", std::string(name_of(map.columns[i])));
        x += static_cast<int>(widths[i]);
    }
    int y = top;
    for (const HeatRow& row : map.rows) {
        drawing.text(label_width - 8, y + row_height - 5, "end", fitted(row.label, longest_label));
        draw_cells(drawing, map, row, widths, label_width, y);
        const auto percent = percent_resident(row.total);
        drawing.text(label_width + map_width + 70, y + row_height - 5, "end",
                     percent ? cli::human_percent(*percent) : "?");
        drawing.text(label_width + map_width + 170, y + row_height - 5, "end",
                     cli::human_size(row.total.total));
        y += row_height;
    }
    draw_legend(drawing, label_width, y + row_height);
    return drawing.finish(width, y + 3 * row_height);
}

}  // namespace ggufmap::residency
