// The heat map: rows of layers, cells of parts, shaded by how much of them is resident.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ggufmap/residency.hpp"

namespace ggufmap::residency {

struct HeatRow {
    std::string label;               ///< "header", "embed", "0", "enc 3", "output"; printable
    std::vector<CacheCounts> cells;  ///< of layers: one a column of the map; else a single one
    CacheCounts total;
    /// Where it is a row of layers: which stack, and the first and the last of them.
    struct Layers {
        std::string_view stack;
        std::uint32_t first;
        std::uint32_t last;
    };
    std::optional<Layers> layers;
};

struct HeatMap {
    std::vector<Part> columns;  ///< parts that layers have
    std::vector<HeatRow> rows;  ///< header and embeddings, layers, output
};

/// For people only the columns that have something in them; for scripts all, so that rows of different models
/// are alike.
enum class HeatColumns { used, all };
/// `layers`: of LayerTally::layers().
HeatMap heat_map(const std::vector<LayerResidency>& layers, HeatColumns columns = HeatColumns::used);

/// The same with neighbouring layers of a stack in one row ("0-3"), so that layers take about `most_layers`
/// rows: one more for each stack at most.
HeatMap grouped(const HeatMap& map, std::size_t most_layers);

/// The same with so many neighbouring layers in a row that there are `most_rows` rows at most, as far as that
/// goes: what is in no layer keeps a row of its own.
HeatMap fitting(const HeatMap& map, std::size_t most_rows);

/// Characters or pixels for each column of the map, `width` in all, by the bytes of its largest cell; `least`
/// or more each.
std::vector<unsigned> column_widths(const HeatMap& map, unsigned width, unsigned least);

}  // namespace ggufmap::residency
