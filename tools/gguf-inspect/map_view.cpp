// --map: a picture of each file, to scale. A line for the header, each layer and so on, a column for each
// stretch of the file; a block is as full as that stretch is of it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "common/numbers.hpp"
#include "gguf-inspect/sheet.hpp"
#include "gguf-inspect/views.hpp"
#include "ggufmap/layout.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::inspect {
namespace {

constexpr std::size_t least_label_width = 15;
constexpr std::size_t most_label_width = 40;
constexpr std::size_t size_width = 20;  // "   1.2 GiB   100.0 %"
constexpr std::size_t least_columns = 16;
constexpr std::size_t width_of_pipes = 80;
/// More layers than these share lines, so that the picture fits a screen.
constexpr std::uint32_t layer_lines = 16;

/// Where a line stands in the picture, and whose it is.
struct LineKey {
    enum class Group { header, before, layers, after, padding, gap, trailing, missing };
    Group group;
    std::string_view stack;  ///< of the layers
    std::uint32_t number;    ///< first layer of the line, or a Part
    auto operator<=>(const LineKey&) const = default;
};

/// So many layers share a line that `layer_lines` suffice.
struct Layers {
    std::uint32_t last = 0;
    std::uint32_t a_line = 1;
};

Layers layers_of(const Model& model) {
    Layers layers;
    for (const ModelTensor& tensor : model.tensors())
        layers.last = std::max(layers.last, role_of(tensor.info->name).layer.value_or(0));
    layers.a_line = layers.last / layer_lines + 1;
    return layers;
}

std::string layer_label(std::string_view stack, std::uint32_t first, Layers layers) {
    const std::string prefix = stack.empty() ? "" : printable(stack) + " ";
    const std::uint32_t last = std::min(layers.last - first, layers.a_line - 1) + first;
    if (first == last) return fmt::format("{}layer {}", prefix, last);
    return fmt::format("{}layers {}-{}", prefix, first, last);
}

std::uint32_t first_on_line(std::uint32_t layer, Layers layers) {
    return layer / layers.a_line * layers.a_line;
}

// A file may number its layers in billions.
std::size_t label_width_of(const Model& model, Layers layers) {
    std::size_t width = least_label_width;
    for (const ModelTensor& tensor : model.tensors()) {
        const Role role = role_of(tensor.info->name);
        if (!role.layer) continue;
        width =
            std::max(width, layer_label(role.stack, first_on_line(*role.layer, layers), layers).size() + 1);
    }
    return std::min(width, most_label_width);
}

struct Line {
    std::vector<double> cells;  ///< bytes in each column
    std::uint64_t bytes = 0;
};

class Picture {
public:
    Picture(const Shard& shard, std::uint64_t extent, std::size_t columns, std::size_t label_width,
            Layers layers)
        : extent_(extent), columns_(columns), label_width_(label_width), layers_(layers) {
        for_each_region(shard.gguf, extent, [&](const Region& region) { add(key_of(region), region.range); });
    }

    void add(const LineKey& key, Range range);
    void print(cli::Io& io, bool exact) const;

private:
    LineKey key_of(const Region& region) const;
    std::string label_of(const LineKey& key) const;
    std::string bar_of(const Line& line) const;

    std::uint64_t extent_;
    std::size_t columns_;
    std::size_t label_width_;
    Layers layers_;
    std::map<LineKey, Line> lines_;
};

LineKey Picture::key_of(const Region& region) const {
    using Group = LineKey::Group;
    switch (region.kind) {
        case Region::Kind::header:
            return {Group::header, {}, 0};
        case Region::Kind::padding:
            return {Group::padding, {}, 0};
        case Region::Kind::gap:
            return {Group::gap, {}, 0};
        case Region::Kind::trailing:
            return {Group::trailing, {}, 0};
        case Region::Kind::tensor:
            break;
    }
    const Role role = role_of(region.tensor->name);
    if (role.layer) return {Group::layers, role.stack, first_on_line(*role.layer, layers_)};
    return {
        role.part == Part::embed ? Group::before : Group::after, {}, static_cast<std::uint32_t>(role.part)};
}

std::string Picture::label_of(const LineKey& key) const {
    using Group = LineKey::Group;
    switch (key.group) {
        case Group::header:
            return "header";
        case Group::before:
        case Group::after:
            return std::string(name_of(static_cast<Part>(key.number)));
        case Group::layers:
            return layer_label(key.stack, key.number, layers_);
        case Group::padding:
            return "padding";
        case Group::gap:
            return "gaps";
        case Group::trailing:
            return "trailing";
        case Group::missing:
            break;
    }
    return "missing";
}

void Picture::add(const LineKey& key, Range range) {
    Line& line = lines_[key];
    line.cells.resize(columns_);
    line.bytes += range.size;
    const double bytes_a_column = static_cast<double>(extent_) / static_cast<double>(columns_);
    const double begin = static_cast<double>(range.offset) / bytes_a_column;
    const double end = static_cast<double>(range.end()) / bytes_a_column;
    const auto last = std::min(columns_ - 1, static_cast<std::size_t>(end));
    for (auto column = std::min(columns_ - 1, static_cast<std::size_t>(begin)); column <= last; ++column) {
        const double from = std::max(begin, static_cast<double>(column));
        const double to = std::min(end, static_cast<double>(column + 1));
        line.cells[column] += std::max(0.0, to - from);
    }
}

std::string Picture::bar_of(const Line& line) const {
    // Eighths of a column; the least there is shows, so that a header of kilobytes is seen in a file of
    // gigabytes.
    constexpr std::array<std::string_view, 9> blocks = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
    std::string bar;
    for (const double share : line.cells) {
        const auto eighths = static_cast<std::size_t>(std::clamp(share * 8 + 0.5, 0.0, 8.0));
        bar += blocks[share > 0 ? std::max<std::size_t>(eighths, 1) : 0];
    }
    return bar;
}

void Picture::print(cli::Io& io, bool exact) const {
    const Paint paint(io.terminal(cli::Stream::out));
    for (const auto& [key, line] : lines_) {
        const std::string size = exact ? std::to_string(line.bytes) : cli::human_size(line.bytes);
        const double percent = 100.0 * static_cast<double>(line.bytes) / static_cast<double>(extent_);
        const bool odd = key.group == LineKey::Group::gap || key.group == LineKey::Group::trailing ||
                         key.group == LineKey::Group::missing;
        const std::string bar = bar_of(line);
        io.out(fmt::format("{:<{}}{}{:>10} {:>8}\n", label_of(key), label_width_,
                           odd ? paint.yellow(bar) : bar, size, cli::human_percent(percent)));
    }
}

}  // namespace

cli::Status show_map(const Subject& subject, const cli::Args& args, cli::Io& io) {
    const cli::Style style = cli::Style::from(args);
    if (style.format != cli::Format::table)
        throw Error(ErrorKind::usage, {}, "--map is a picture: --tensors and --json have the numbers");
    const Model& model = *subject.model;
    const cli::Terminal terminal = io.terminal(cli::Stream::out);
    const std::size_t room = terminal.present ? terminal.width : width_of_pipes;
    const Layers layers = layers_of(model);
    const std::size_t label_width = label_width_of(model, layers);
    const std::size_t columns =
        std::max(room, label_width + size_width + least_columns) - label_width - size_width;
    for (const Shard& shard : model.shards()) {
        // A truncated file is drawn in its full length, a header from a pipe as the file that it came from.
        const std::uint64_t whole = shard.gguf.data_end().value_or(0);
        const std::uint64_t extent = std::max(shard.file.size(), whole);
        io.out(Paint(terminal).bold(printable(shard.file.name())) +
               fmt::format(": {}, a column is {}\n", cli::human_size(extent),
                           extent < columns ? "less than a byte" : cli::human_size(extent / columns)));
        Picture picture(shard, extent, columns, label_width, layers);
        if (model.has_files() && whole > shard.file.size())
            picture.add({LineKey::Group::missing, {}, 0}, {shard.file.size(), whole - shard.file.size()});
        picture.print(io, style.exact_bytes);
    }
    return cli::Status::ok;
}

}  // namespace ggufmap::inspect
