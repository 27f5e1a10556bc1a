// The model in Ollama, as the options ask for it.
#pragma once

#include "common/args.hpp"
#include "common/io.hpp"
#include "common/status.hpp"
#include "ggufmap/model.hpp"

namespace ggufmap::cli {

/// Throws Error where the registration must fail, before anything is written: name, folder, projector.
void check_registration(const Args& args, Io& io, const Model& model);

/// Registers the model under the name of --ollama, or with --dry-run tells what it would do.
Status register_in_ollama(const Args& args, Io& io, const Model& model);

/// What --modelfile prints: to a terminal without control characters, else as it is.
void print_modelfile(Io& io, const Model& model);

/// `ollama run NAME` with our terminal; its exit status. Tells and returns trouble where there is no ollama.
Status run_ollama(const Args& args, Io& io);

}  // namespace ggufmap::cli
