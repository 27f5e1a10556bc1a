// The heat map: rows of layers, cells of parts, shaded by how much of them is resident.
#pragma once

#include <string>
#include <vector>

#include "ggufmap/residency.hpp"

namespace ggufmap::residency {

struct HeatRow {
    std::string label;               ///< "header", "embed", "0", "enc 3", "output"
    std::vector<CacheCounts> cells;  ///< one a column of the map; a single one for what is in no layer
    CacheCounts total;
};

struct HeatMap {
    std::vector<Part> columns;  ///< parts that layers have
    std::vector<HeatRow> rows;  ///< header and embeddings, layers, output
};

HeatMap heat_map(const std::vector<Portion>& portions);

/// Characters or pixels for each column of the map, `width` in all, by the bytes of its largest cell; `least`
/// or more each.
std::vector<unsigned> column_widths(const HeatMap& map, unsigned width, unsigned least);

}  // namespace ggufmap::residency
