// Models and selections as options name them.
#pragma once

#include "common/args.hpp"
#include "common/io.hpp"
#include "ggufmap/model.hpp"
#include "ggufmap/select.hpp"

namespace ggufmap::cli {

/// Where "ollama:" and "shm:" names live: $OLLAMA_MODELS, else $HOME/.ollama/models, else the place of
/// Debian's Ollama service.
Places places_from(const Io& io);

/// What --tensor, --layer, --part and --expert (option::selection()) select. Throws Error (usage).
Selection selection_from(const Args& args);

}  // namespace ggufmap::cli
