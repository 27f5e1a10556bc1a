// The heat map as a self-contained picture.
#pragma once

#include <string>

#include "gguf-residency/heat.hpp"

namespace ggufmap::residency {

/// An SVG document: `model` and below it `total` above the map, a legend under it. Names are escaped, and cut
/// at their beginning where they are too long.
std::string heat_svg(const HeatMap& map, const std::string& model, const std::string& total);

}  // namespace ggufmap::residency
