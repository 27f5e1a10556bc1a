// --config: one process that looks after a set of models until it is told to stop.
#pragma once

#include "common/args.hpp"
#include "common/io.hpp"
#include "common/status.hpp"

namespace ggufmap::prefault_tool {

/// INT and TERM end it (status 0), HUP reads the file again, USR1 prints the state. With --once: one round.
cli::Status keep_models(const cli::Args& args, cli::Io& io);

/// --status: what a running keeper says of its models.
cli::Status show_status(const cli::Args& args, cli::Io& io);

}  // namespace ggufmap::prefault_tool
