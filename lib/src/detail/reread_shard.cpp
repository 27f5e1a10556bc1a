#include "detail/reread_shard.hpp"

#include "detail/silent.hpp"
#include "ggufmap/copy.hpp"

namespace ggufmap::detail {

std::optional<RereadShard> reread_shard(const PlannedShard& shard, const OutputDirectory& directory,
                                        const Digest& original, unsigned jobs, Progress& progress) {
    if (!directory.exists(shard.name)) return std::nullopt;
    const File file = File::open_at(directory.fd(), shard.name, directory.prefix() + shard.name);
    if (file.size() != shard.size) return std::nullopt;
    const std::uint64_t header = shard.size - shard.data.size;
    const Piece parts[] = {Piece::of(file, {0, header}), Piece::of(file, {header, shard.data.size})};
    Digest found(DigestKind::xxh3_128);
    Digest behind = original.copy();
    NullSink nowhere;
    Silent silent(progress);
    Copier(Reflink::never, silent, jobs).copy(parts, nowhere, 0, [&](const Piece& part, Bytes bytes) {
        found.update(bytes, part.range.offset >= header ? &behind : nullptr);
    });
    return RereadShard{found.hex(), std::move(behind)};
}

}  // namespace ggufmap::detail
