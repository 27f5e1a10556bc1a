// The plan of gguf-stitch, for people and scripts.
#pragma once

#include <string>

#include "common/io.hpp"
#include "common/report.hpp"
#include "ggufmap/stitch.hpp"

namespace ggufmap::stitch {

/// `target` is empty where nothing is to be written.
void print(const StitchPlan& plan, const std::string& target, const cli::Style& style, cli::Io& io);

}  // namespace ggufmap::stitch
