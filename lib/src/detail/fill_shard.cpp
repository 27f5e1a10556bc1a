#include "detail/fill_shard.hpp"

namespace ggufmap::detail {

std::string fill_shard(const PlannedShard& shard, OutputFile& file, Copier& copier, unsigned jobs,
                       Digest* original) {
    file.reserve(shard.size);
    FileSink sink(file, shard.size, jobs);
    Digest digest(DigestKind::xxh3_128);
    copier.copy(shard.pieces, sink, 0, [&](const Piece& piece, Bytes bytes) {
        digest.update(bytes, piece.source != nullptr ? original : nullptr);
    });
    sink.finish();
    return digest.hex();
}

}  // namespace ggufmap::detail
