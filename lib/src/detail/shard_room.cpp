#include "detail/shard_room.hpp"

#include <fmt/format.h>

#include <cerrno>

#include "ggufmap/error.hpp"

namespace ggufmap::detail {

void require_room_for_one(const OutputDirectory& directory, const std::string& shown, std::uint64_t largest) {
    if (const std::uint64_t free = directory.free_bytes(); largest > free)
        throw Error(
            ErrorKind::io, {shown},
            fmt::format("not enough space: {} bytes are needed for one shard, {} are free", largest, free),
            ENOSPC);
}

}  // namespace ggufmap::detail
