// gguf-prefault: brings chosen parts of models into memory, keeps them there, lets them go.
#pragma once

#include <span>
#include <string>

#include "common/options.hpp"
#include "common/tool.hpp"

namespace ggufmap::prefault_tool {

const cli::Tool& option_table();

/// The whole tool: arguments without its name, exit status.
int gguf_prefault(std::span<const std::string> arguments, cli::Io& io);

}  // namespace ggufmap::prefault_tool
