// gguf-inspect: everything that the header of a model knows, and whether the file keeps its promises.
#pragma once

#include <span>
#include <string>

#include "common/io.hpp"
#include "common/tool.hpp"

namespace ggufmap::inspect {

const cli::Tool& tool();
int inspect(std::span<const std::string> arguments, cli::Io& io);

}  // namespace ggufmap::inspect
