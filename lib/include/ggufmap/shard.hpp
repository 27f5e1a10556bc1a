// Cuts a model into shards that llama.cpp loads, or a file into raw pieces that cat restores.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ggufmap/bytes.hpp"
#include "ggufmap/checksums.hpp"
#include "ggufmap/copy.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/model.hpp"

namespace ggufmap {

/// Which tensors share a shard. A layer ends where the next tensor belongs to another (or to none).
enum class ShardBy {
    any,           ///< as many as the other rules allow
    layer,         ///< those of one layer
    expert_layer,  ///< the stacked experts of one layer, and what else the layer has
};

struct ShardOptions {
    /// Largest shard in bytes, header included. A tensor that does not fit gets a larger shard of its own.
    std::optional<std::uint64_t> size = 512ULL << 20;
    /// Most tensors a shard.
    std::optional<std::uint64_t> tensors = {};
    ShardBy by = ShardBy::any;
    bool header_first = false;  ///< the first shard has no tensors
    /// Lengthen headers until the data of each shard lies where it lay in the model, modulo this power of
    /// two, so that files can share extents, and disks exchange it without the processor. 0: headers as
    /// llama-gguf-split writes them.
    std::uint64_t congruent_block = 0;
    /// Shards with less data, in bytes, keep their headers.
    std::uint64_t congruent_from = 1;
};

/// One file to be written.
struct PlannedShard {
    std::string name;           ///< without directory
    std::uint64_t size = 0;     ///< bytes, header included
    std::uint64_t tensors = 0;  ///< 0 for raw pieces, too
    Range data;                 ///< in the model's file
    std::vector<Piece> pieces;
    bool oversized = false;  ///< larger than was asked for
};

/// Refers to the files it was made from: they must outlive it.
struct GGUFMAP_API ShardPlan {
    const File* source = nullptr;
    std::string prefix;  ///< directory and beginning of the names
    Range head;          ///< what of the source is in no shard as it is: the header
    std::vector<PlannedShard> shards;

    /// Bytes of all shards.
    std::uint64_t bytes() const;
    /// Tells one plan from another: a model of another size, or cut in another way.
    std::string fingerprint() const;
};

/// A pure function of its arguments: workers that share nothing but these make the same set. Throws Error:
/// unsupported where GGUF shards would not restore the file byte for byte (the reason says what it has:
/// trailing bytes, odd padding, version 2, gaps, another order) or the model is a set of shards already;
/// malformed where it is truncated; usage for 65,536 shards and more.
GGUFMAP_API ShardPlan plan_shards(const Model& model, const std::string& prefix, const ShardOptions& options);

/// Pieces of `size` bytes (the last one less) named PREFIX-00001-of-00005.part, of any file. Throws Error
/// (usage) for size 0 and for 100,000 pieces and more.
GGUFMAP_API ShardPlan plan_raw_pieces(const File& file, const std::string& prefix, std::uint64_t size);

struct ShardRun {
    Reflink reflink = Reflink::never;
    bool checksums = true;
    /// Write only the shards for which this says yes (by index); the rest belongs to other workers.
    std::function<bool(std::size_t)> only = {};
    OutputFile::Options output = {};
    unsigned jobs = 1;  ///< threads that copy
};

struct ShardResult {
    std::vector<Checksum> checksums;  ///< of the shards in order, then of the original (not with `only`)
    std::uint64_t shared_bytes = 0;   ///< in extents that take no new disk
};

/// Writes the shards and PREFIX.xxh128 beside them; with `only`, a list NAME.xxh128 beside each shard. All
/// appear at the end, the first shard last; after an Error none does. Throws Error: io (also where there is
/// not enough space, or a file is there already and must not be replaced), mismatch where the source changes
/// meanwhile.
GGUFMAP_API ShardResult run(const ShardPlan& plan, const ShardRun& options, Progress& progress);

/// Throws what run() would throw before its first byte: an output that exists or is the source, a directory
/// that is not writable, too little space.
GGUFMAP_API void require_runnable(const ShardPlan& plan, const ShardRun& options);

}  // namespace ggufmap
