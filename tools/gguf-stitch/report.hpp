// The plan of gguf-stitch, and what became of it, for people and scripts.
#pragma once

#include <string>

#include "common/io.hpp"
#include "common/report.hpp"
#include "ggufmap/stitch.hpp"

namespace ggufmap::stitch {

/// `target` is empty where nothing is to be written; `done` is null for a plan that was not carried out.
void print(const StitchPlan& plan, const std::string& target, const StitchResult* done,
           const cli::Style& style, cli::Io& io);

}  // namespace ggufmap::stitch
