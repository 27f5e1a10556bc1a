// The bytes of one shard on their way into its file.
#pragma once

#include <string>

#include "ggufmap/digest.hpp"
#include "ggufmap/shard.hpp"

namespace ggufmap::detail {

/// Copies all of the shard into `file`, which is not sealed yet, and returns its XXH3-128 in hex; what comes
/// from the model is fed to `original`, where that is not null. Throws what Copier::copy() and OutputFile
/// throw.
std::string fill_shard(const PlannedShard& shard, OutputFile& file, Copier& copier, unsigned jobs,
                       Digest* original);

}  // namespace ggufmap::detail
