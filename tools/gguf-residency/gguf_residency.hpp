// gguf-residency: which parts of a model are in memory, who holds them, will it fit, why is it slow.
#pragma once

#include <span>
#include <string>

#include "common/options.hpp"
#include "common/tool.hpp"

namespace ggufmap::residency {

const cli::Tool& residency_tool();

int gguf_residency(std::span<const std::string> arguments, cli::Io& io);

}  // namespace ggufmap::residency
