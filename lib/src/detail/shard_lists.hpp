// Checksum lists that gguf-stitch would read beside shards.
#pragma once

#include <string>
#include <vector>

#include "ggufmap/output.hpp"
#include "ggufmap/shard.hpp"

namespace ggufmap::detail {

/// Names of the lists that speak of the shards of this run, written by it or not: an old one would call new
/// shards damaged.
std::vector<std::string> list_names(const ShardPlan& plan, const ShardRun& options);

/// Removes those that it does not write. Throws Error (io).
void remove_old_lists(const ShardPlan& plan, const ShardRun& options, const OutputDirectory& directory);

}  // namespace ggufmap::detail
