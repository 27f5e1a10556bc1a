// --shm-list and --shm-rm: the models in shared memory.
#pragma once

#include "common/args.hpp"
#include "common/io.hpp"
#include "common/status.hpp"
#include "ggufmap/model.hpp"

namespace ggufmap::stitch {

cli::Status list_shared(const cli::Args& args, cli::Io& io, const Places& places);
/// Removes the name of a model, or says with --dry-run what that would be; whoever maps the model keeps it
/// until it ends, and is named.
cli::Status remove_shared(const std::string& name, const cli::Args& args, cli::Io& io, const Places& places);

}  // namespace ggufmap::stitch
