// The heat map as a self-contained picture.
#pragma once

#include <string>

#include "gguf-residency/heat.hpp"

namespace ggufmap::residency {

/// An SVG document. `title` stands above the map; names are escaped.
std::string heat_svg(const HeatMap& map, const std::string& title);

}  // namespace ggufmap::residency
