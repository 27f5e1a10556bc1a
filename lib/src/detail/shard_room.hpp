// Room for the one shard that is there twice while a model or its shards are consumed.
#pragma once

#include <cstdint>
#include <string>

#include "ggufmap/output.hpp"

namespace ggufmap::detail {

/// Throws Error (io, ENOSPC) about `shown` where `largest` bytes do not fit into the directory.
void require_room_for_one(const OutputDirectory& directory, const std::string& shown, std::uint64_t largest);

}  // namespace ggufmap::detail
