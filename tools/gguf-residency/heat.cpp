#include "gguf-residency/heat.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "gguf-residency/tables.hpp"

namespace ggufmap::residency {
namespace {

constexpr std::array<Part, 5> layer_parts = {Part::attn, Part::ffn, Part::experts, Part::norm, Part::other};

HeatRow single(const std::string& label, const CacheCounts& bytes) { return {label, {bytes}, bytes}; }

HeatRow row_of(const LayerResidency& layer, const std::vector<Part>& columns) {
    HeatRow row{layer_name(layer.stack, layer.layer), {}, layer.total()};
    for (const Part part : columns) row.cells.push_back(layer[part]);
    return row;
}

}  // namespace

HeatMap heat_map(const std::vector<Portion>& portions) {
    const std::vector<LayerResidency> layers = by_layer(portions);
    HeatMap map;
    std::copy_if(layer_parts.begin(), layer_parts.end(), std::back_inserter(map.columns), [&](Part part) {
        return std::any_of(layers.begin(), layers.end(),
                           [&](const auto& layer) { return layer.layer && layer[part].total != 0; });
    });
    std::vector<HeatRow> behind;
    for (const LayerResidency& layer : layers) {
        if (layer.layer) {
            map.rows.push_back(row_of(layer, map.columns));
            continue;
        }
        for (const Part part : {Part::header, Part::embed}) {
            if (layer[part].total != 0) map.rows.push_back(single(std::string(name_of(part)), layer[part]));
        }
        for (const Part part :
             {Part::output, Part::norm, Part::attn, Part::ffn, Part::experts, Part::other}) {
            if (layer[part].total != 0) behind.push_back(single(std::string(name_of(part)), layer[part]));
        }
    }
    std::move(behind.begin(), behind.end(), std::back_inserter(map.rows));
    return map;
}

std::vector<unsigned> column_widths(const HeatMap& map, unsigned width, unsigned least) {
    const auto count = static_cast<unsigned>(map.columns.size());
    std::vector<std::uint64_t> largest(count);
    std::uint64_t sum = 0;
    for (unsigned column = 0; column < count; ++column) {
        for (const HeatRow& row : map.rows) {
            if (row.cells.size() == count)
                largest[column] = std::max(largest[column], row.cells[column].total);
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
