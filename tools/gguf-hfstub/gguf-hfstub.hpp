// gguf-hfstub: a Hugging Face folder and an Ollama model out of the same bytes.
#pragma once

#include <span>
#include <string>

#include "common/io.hpp"
#include "common/options.hpp"

namespace ggufmap::cli {

/// The option table.
const Tool& hfstub_tool();

/// The tool: arguments without its name to exit status.
int hfstub(std::span<const std::string> arguments, Io& io);

}  // namespace ggufmap::cli
