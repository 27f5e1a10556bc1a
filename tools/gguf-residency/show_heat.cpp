// The default view: the heat map on a terminal, the same as plain numbers elsewhere.
#include <fmt/format.h>

#include <algorithm>

#include "common/numbers.hpp"
#include "gguf-residency/counts.hpp"
#include "gguf-residency/folios.hpp"
#include "gguf-residency/heat.hpp"
#include "gguf-residency/shades.hpp"
#include "gguf-residency/svg.hpp"
#include "gguf-residency/view.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/output.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::residency {
namespace {

using cli::Cell;
using cli::Column;
using cli::Shows;

// "  100.0 %  12.3 GiB" behind the cells; what is left of it where there is no room for more.
constexpr unsigned figures_width = 20;
constexpr unsigned percent_width = 9;
constexpr unsigned narrowest_map = 12;
constexpr unsigned narrowest_cell = 4;

// A line for people is as long as it is on the screen, where it wraps.
std::size_t lines_of(std::string_view text, unsigned width) {
    const auto characters = static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
    return width == 0 ? 1 : std::max<std::size_t>(1, (characters + width - 1) / width);
}

std::size_t label_width_of(const HeatMap& map) {
    std::size_t width = 5;
    for (const HeatRow& row : map.rows) width = std::max(width, row.label.size());
    return width;
}

// How many rows of the map the screen has room for: title, heading, legend and the next prompt are there,
// too, and what --watch and --pid print before and after it.
std::size_t rows_on_screen(const View& view, const cli::Terminal& terminal, const std::string& title,
                           const HeatMap& map) {
    // Rows of several layers have labels of up to "100-127".
    const auto indent = static_cast<unsigned>(std::max<std::size_t>(label_width_of(map), 7)) + 1;
    const std::string legend = Shades(view.io).legend(indent, terminal.width);
    const std::size_t taken = lines_of(title, terminal.width) + 1 +
                              static_cast<std::size_t>(std::count(legend.begin(), legend.end(), '\n')) + 1 +
                              view.args.count("--watch") + view.args.count("--pid");
    return terminal.height - std::min<std::size_t>(terminal.height, taken);
}

std::string cells_of(const HeatRow& row, const std::vector<unsigned>& widths, unsigned width,
                     const Shades& shades) {
    std::string text;
    if (!row.layers || widths.empty()) return shades.run(row.total, width);
    for (std::size_t i = 0; i < widths.size(); ++i) {
        if (i != 0) text += ' ';
        text += row.cells[i].total == 0 ? std::string(widths[i], ' ') : shades.run(row.cells[i], widths[i]);
    }
    return text;
}

// What a line of the map is made of, in columns of the terminal.
struct Layout {
    unsigned label;
    unsigned map;
    bool percents;
    bool sizes;
};
Layout layout_of(const HeatMap& map, unsigned terminal) {
    Layout layout{static_cast<unsigned>(label_width_of(map)), 1, false, false};
    const unsigned label = layout.label + 1;
    layout.sizes = terminal >= label + narrowest_map + figures_width;
    layout.percents = layout.sizes || terminal > label + percent_width;
    const unsigned taken = label + (layout.sizes ? figures_width : layout.percents ? percent_width : 0);
    layout.map = terminal > taken ? terminal - taken : 1;
    return layout;
}

void draw(const View& view, const HeatMap& map) {
    const cli::Terminal terminal = view.io.terminal(cli::Stream::out);
    const Shades shades(view.io);
    const Layout layout = layout_of(map, terminal.width);
    const unsigned width = layout.map;
    const auto columns = static_cast<unsigned>(map.columns.size());
    std::vector<unsigned> widths;  // none: too narrow for a column each
    if (columns != 0 && width >= 2 * columns - 1) {
        const unsigned cells = width - (columns - 1);
        widths = column_widths(map, cells, std::min(cells / columns, narrowest_cell));
    }
    std::string heading = std::string(layout.label, ' ') + ' ';
    for (std::size_t i = 0; i < widths.size(); ++i)
        heading += fmt::format("{:<{}} ", name_of(map.columns[i]).substr(0, widths[i]), widths[i]);
    view.io.out(heading.substr(0, heading.find_last_not_of(' ') + 1) + "\n");
    for (const HeatRow& row : map.rows) {
        const auto percent = percent_resident(row.total);
        view.io.out(fmt::format("{:>{}} {}", row.label, layout.label, cells_of(row, widths, width, shades)));
        if (layout.percents) view.io.out(fmt::format(" {:>8}", percent ? cli::human_percent(*percent) : "?"));
        const std::uint64_t bytes = row.total.total;
        if (layout.sizes)
            view.io.out(fmt::format(" {:>10}",
                                    view.style.exact_bytes ? std::to_string(bytes) : cli::human_size(bytes)));
        view.io.out("\n");
    }
    view.io.out(shades.legend(layout.label + 1, terminal.width));
}

// Scripts get one table for all models, with their names where there are several.
cli::Style style_of(const View& view, Models models, std::size_t index) {
    cli::Style style = view.style;
    if (models.size() > 1) style.model = models[index].name();
    style.continues = style.continues || index != 0;
    return style;
}

void list(const View& view, const HeatMap& map, const cli::Style& style) {
    std::vector<Column> columns = {{"layer", "LAYER"},
                                   {"bytes", "BYTES", Shows::size},
                                   {"resident", "RESIDENT", Shows::size},
                                   {"percent", "%", Shows::percent}};
    for (const Part part : map.columns) {
        const std::string name(name_of(part));
        columns.push_back({name + "_percent", name + " %", Shows::percent});
    }
    cli::Report report(view.io, style, columns);
    for (const HeatRow& row : map.rows) {
        std::vector<Cell> cells = {row.label, row.total.total, count_cell(row.total.resident, style.format),
                                   percent_cell(row.total, style.format)};
        for (std::size_t i = 0; i < map.columns.size(); ++i)
            cells.push_back(row.layers ? percent_cell(row.cells[i], style.format) : Cell());
        report.row(cells);
    }
    report.finish();
}

}  // namespace

cli::Status show_heat(const View& view, Models models) {
    const bool people = view.style.format == cli::Format::table;
    for (std::size_t i = 0; i < models.size(); ++i) {
        const Model& model = models[i];
        LayerTally tally;
        LongestWhole longest;
        measure_each(view.cache, model, view.selection, [&](const Portion& portion) {
            tally.add(portion);
            longest.add(portion);
        });
        const HeatMap map = heat_map(tally.layers(), people ? HeatColumns::used : HeatColumns::all);
        const std::string title = fmt::format("{}: {}{}", printable(model.name()),
                                              summary(tally.total(), view.noun, view.style.exact_bytes),
                                              people ? folio_remark(view.cache, model, longest) : "");
        if (people) view.io.out(title + "\n");
        const cli::Terminal terminal = view.io.terminal(cli::Stream::out);
        if (people && terminal.present) {
            draw(view, fitting(map, rows_on_screen(view, terminal, title, map)));
        } else {
            list(view, map, style_of(view, models, i));
        }
    }
    return cli::Status::ok;
}

cli::Status write_picture(const View& view, Models models) {
    if (models.size() != 1)
        throw Error(ErrorKind::usage, {}, "--svg: a picture shows one model, but several are given");
    LayerTally tally;
    measure_each(view.cache, models.front(), view.selection,
                 [&](const Portion& portion) { tally.add(portion); });
    const std::string picture = heat_svg(heat_map(tally.layers()), models.front().name(),
                                         summary(tally.total(), view.noun, view.style.exact_bytes));
    const std::string name = *view.args.text("--svg");
    if (name == "-") {
        view.io.out(picture);
        return cli::Status::ok;
    }
    std::vector<FileIdentity> inputs;
    for (const Shard& shard : models.front().shards()) inputs.push_back(shard.file.identity());
    OutputFile file = OutputFile::create(name, {.replace = view.args.has("--force")}, inputs);
    file.write(0, as_bytes(picture));
    file.commit();
    return cli::Status::ok;
}

}  // namespace ggufmap::residency
