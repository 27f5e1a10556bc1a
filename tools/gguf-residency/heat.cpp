#include "gguf-residency/heat.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "gguf-residency/tables.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::residency {
namespace {

constexpr std::array<Part, 5> layer_parts = {Part::attn, Part::ffn, Part::experts, Part::norm, Part::other};

HeatRow single(Part part, const CacheCounts& bytes) {
    return {std::string(name_of(part)), {bytes}, bytes, std::nullopt};
}

std::string label_of(const HeatRow::Layers& layers) {
    const std::string first = layer_name(layers.stack, layers.first);
    return printable(layers.first == layers.last ? first : fmt::format("{}-{}", first, layers.last));
}

HeatRow row_of(const LayerResidency& layer, const std::vector<Part>& columns) {
    HeatRow row;
    row.layers = {layer.stack, *layer.layer, *layer.layer};
    row.label = label_of(*row.layers);
    row.total = layer.total();
    for (const Part part : columns) row.cells.push_back(layer[part]);
    return row;
}

void join(HeatRow& row, const HeatRow& next) {
    for (std::size_t i = 0; i < row.cells.size(); ++i) row.cells[i] += next.cells[i];
    row.total += next.total;
    row.layers->last = next.layers->last;
    row.label = label_of(*row.layers);
}

}  // namespace

HeatMap heat_map(const std::vector<LayerResidency>& layers, HeatColumns columns) {
    HeatMap map;
    std::copy_if(layer_parts.begin(), layer_parts.end(), std::back_inserter(map.columns), [&](Part part) {
        return columns == HeatColumns::all ||
               std::any_of(layers.begin(), layers.end(),
                           [&](const auto& layer) { return layer.layer && layer[part].total != 0; });
    });
    std::vector<HeatRow> behind;
    for (const LayerResidency& layer : layers) {
        if (layer.layer) {
            map.rows.push_back(row_of(layer, map.columns));
            continue;
        }
        for (const Part part : {Part::header, Part::embed}) {
            if (layer[part].total != 0) map.rows.push_back(single(part, layer[part]));
        }
        for (const Part part :
             {Part::output, Part::norm, Part::attn, Part::ffn, Part::experts, Part::other}) {
            if (layer[part].total != 0) behind.push_back(single(part, layer[part]));
        }
    }
    std::move(behind.begin(), behind.end(), std::back_inserter(map.rows));
    return map;
}

HeatMap grouped(const HeatMap& map, std::size_t most_layers) {
    const auto layers = static_cast<std::size_t>(std::count_if(
        map.rows.begin(), map.rows.end(), [](const HeatRow& row) { return row.layers.has_value(); }));
    const std::size_t a_row = (layers + most_layers - 1) / most_layers;
    HeatMap result{map.columns, {}};
    std::size_t joined = 0;
    for (const HeatRow& row : map.rows) {
        const bool same_stack = row.layers && !result.rows.empty() && result.rows.back().layers &&
                                result.rows.back().layers->stack == row.layers->stack;
        if (same_stack && joined < a_row) {
            join(result.rows.back(), row);
            ++joined;
        } else {
            result.rows.push_back(row);
            joined = 1;
        }
    }
    return result;
}

HeatMap fitting(const HeatMap& map, std::size_t most_rows) {
    if (map.rows.size() <= most_rows) return map;
    std::size_t others = 0;  // rows that are in no layer, and the last row of each stack but one
    std::string_view stack;
    bool first_layer = true;
    for (const HeatRow& row : map.rows) {
        if (!row.layers || (!first_layer && row.layers->stack != stack)) ++others;
        if (!row.layers) continue;
        stack = row.layers->stack;
        first_layer = false;
    }
    return grouped(map, most_rows > others ? most_rows - others : 1);
}

std::vector<unsigned> column_widths(const HeatMap& map, unsigned width, unsigned least) {
    const auto count = static_cast<unsigned>(map.columns.size());
    std::vector<std::uint64_t> largest(count);
    std::uint64_t sum = 0;
    for (unsigned column = 0; column < count; ++column) {
        for (const HeatRow& row : map.rows) {
            if (row.layers) largest[column] = std::max(largest[column], row.cells[column].total);
        }
        sum += largest[column];
    }
    const unsigned spare = width > least * count ? width - least * count : 0;
    std::vector<unsigned> widths(count, least);
    unsigned used = 0;
    for (unsigned column = 0; column < count; ++column) {
        const double share = sum == 0 ? 0 : static_cast<double>(largest[column]) / static_cast<double>(sum);
        const auto more = static_cast<unsigned>(share * spare);
        widths[column] += more;
        used += more;
    }
    if (count != 0) *std::max_element(widths.begin(), widths.end()) += spare - used;
    return widths;
}

}  // namespace ggufmap::residency
