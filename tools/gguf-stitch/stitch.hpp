// gguf-stitch: puts a model together again.
#pragma once

#include <span>
#include <string>

#include "common/tool.hpp"

namespace ggufmap::stitch {

const cli::Tool& stitch_tool();
int stitch(std::span<const std::string> arguments, cli::Io& io);

}  // namespace ggufmap::stitch
