// Shards of an earlier run, looked at again.
#pragma once

#include <optional>
#include <string>

#include "ggufmap/digest.hpp"
#include "ggufmap/output.hpp"
#include "ggufmap/shard.hpp"

namespace ggufmap::detail {

struct RereadShard {
    std::string hex;  ///< XXH128 of the file
    Digest original;  ///< the given one, with the shard's data behind
};

/// Reads the planned shard from the directory; nothing where no file of that name and size is there. Throws
/// Error (io).
std::optional<RereadShard> reread_shard(const PlannedShard& shard, const OutputDirectory& directory,
                                        const Digest& original, unsigned jobs, Progress& progress);

}  // namespace ggufmap::detail
