#include "gguf-residency/svg.hpp"

#include <fmt/format.h>

#include <iterator>

#include "common/numbers.hpp"
#include "gguf-residency/counts.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::residency {
namespace {

// Pixels.
constexpr int label_width = 90;
constexpr int map_width = 600;
constexpr int figures_width = 180;
constexpr unsigned narrowest_cell = 40;
constexpr int row_height = 16;
constexpr int top = 50;

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

// From light grey (nothing) to dark green (all); hatched grey would need a pattern, so unknown is plain grey.
std::string colour_of(const CacheCounts& bytes) {
    const auto percent = percent_resident(bytes);
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
    void cell(int x, int y, int width, const CacheCounts& bytes, const std::string& what) {
        const auto percent = percent_resident(bytes);
        fmt::format_to(std::back_inserter(svg_),
                       "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"><title>{}: {} of {}"
                       "</title></rect>\n",
                       x, y, width, row_height - 2, colour_of(bytes), escaped(what),
                       percent ? cli::human_percent(*percent) : "unknown", cli::human_size(bytes.total));
    }
    std::string finish(int height) const {
        constexpr int width = label_width + map_width + figures_width;
        return fmt::format(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" font-family=\"monospace\" "
            "font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{}</svg>\n",
            width, height, svg_);
    }

private:
    std::string svg_;
};

}  // namespace

std::string heat_svg(const HeatMap& map, const std::string& title) {
    Drawing drawing;
    drawing.text(10, 20, "start", title);
    const std::vector<unsigned> widths = column_widths(map, map_width, narrowest_cell);
    int x = label_width;
    for (std::size_t i = 0; i < widths.size(); ++i) {
        drawing.text(x, top - 6, "start", std::string(name_of(map.columns[i])));
        x += static_cast<int>(widths[i]);
    }
    int y = top;
    for (const HeatRow& row : map.rows) {
        drawing.text(label_width - 8, y + row_height - 5, "end", row.label);
        if (row.layers) {
            x = label_width;
            for (std::size_t i = 0; i < widths.size(); ++i) {
                const auto width = static_cast<int>(widths[i]);
                if (row.cells[i].total != 0)
                    drawing.cell(x, y, width - 2, row.cells[i],
                                 fmt::format("{} {}", row.label, name_of(map.columns[i])));
                x += width;
            }
        } else {
            drawing.cell(label_width, y, map_width - 2, row.total, row.label);
        }
        const auto percent = percent_resident(row.total);
        drawing.text(label_width + map_width + 70, y + row_height - 5, "end",
                     percent ? cli::human_percent(*percent) : "?");
        drawing.text(label_width + map_width + 170, y + row_height - 5, "end",
                     cli::human_size(row.total.total));
        y += row_height;
    }
    return drawing.finish(y + 10);
}

}  // namespace ggufmap::residency
