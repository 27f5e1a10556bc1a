// How many threads to use.
#pragma once

#include "common/args.hpp"

namespace ggufmap::cli {

/// What --jobs (option::jobs()) says, at most 256; without it the processors that affinity and control groups
/// leave to us. Throws Error (usage).
unsigned jobs_from(const Args& args);

}  // namespace ggufmap::cli
