// Runs that can be ended and gone on with. What is done is durable before a journal says so; a later run
// reads it again, keeps what is as the journal has it, and does the rest. The sources stay as they are
// (consume.hpp has runs that free them).
#pragma once

#include <string>

#include "ggufmap/copy.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/shard.hpp"
#include "ggufmap/stitch.hpp"

namespace ggufmap {

/// As run(), begun or gone on with. Each shard gets its name when it is durable, the first one after all
/// others: a set that has it is whole. The journal lies beside the shards until the end. Not for `only` and
/// reflinks. Throws Error as run() does; io where another run is at it, mismatch where the journal belongs to
/// another model or another plan.
GGUFMAP_API ShardResult run_resumably(const ShardPlan& plan, const ShardRun& options, Progress& progress);

/// The same for a result, which grows in a hidden file beside `path`.
GGUFMAP_API StitchResult run_resumably(const StitchPlan& plan, const std::string& path,
                                       const StitchRun& options, Progress& progress);

}  // namespace ggufmap
