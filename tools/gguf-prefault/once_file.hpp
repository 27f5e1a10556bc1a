// What one --once leaves for the next: which models are loaded, and when they were used last.
#pragma once

#include <optional>
#include <string>

#include "common/io.hpp"
#include "gguf-prefault/model_set.hpp"

namespace ggufmap::prefault_tool {

/// $XDG_STATE_HOME/gguf-prefault.once, else in ~/.local/state; nothing where neither is known.
std::optional<std::string> once_file(const cli::Io& io);

/// Nothing of what was written before the machine was started, or by nobody we know.
ModelSet::Known read_known(const std::string& file);
/// Makes the folder where it is not there. Throws Error (io).
void write_known(const std::string& file, const ModelSet::Known& known);

}  // namespace ggufmap::prefault_tool
