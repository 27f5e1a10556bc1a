// Puts shards (of ours or of llama-gguf-split) and raw pieces together again, byte for byte.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ggufmap/checksums.hpp"
#include "ggufmap/copy.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/model.hpp"
#include "ggufmap/output.hpp"

namespace ggufmap {

/// Owns the open files that its pieces refer to. Move-only.
struct GGUFMAP_API StitchPlan {
    std::optional<Model> model;     ///< the shards; nothing for raw pieces
    std::vector<File> raw;          ///< the raw pieces in order
    std::vector<Piece> pieces;      ///< all of the result
    std::uint64_t size = 0;         ///< bytes of the result
    std::vector<Checksum> listed;   ///< from the list beside the shards; empty without one
    std::optional<Checksum> whole;  ///< of the original, where the list has it

    /// The files to be put together, in order.
    std::vector<const File*> sources() const;
    /// Names of those that the list says nothing of; none where there is no list, or it has the original.
    std::vector<std::string> unlisted() const;
};

/// From one shard or raw piece, whose siblings are found by name, or from all of them in any order. Raw
/// pieces are PREFIX-00001-of-00005.part, PREFIX.part1of2 and those of split(1) (PREFIXaa, PREFIX00,
/// PREFIX01). Throws Error: io; what parse() throws; mismatch where one is missing, twice there or of another
/// set; malformed where one is truncated or has bytes that belong to no tensor; usage where the names are of
/// neither kind.
GGUFMAP_API StitchPlan plan_stitch(const std::vector<std::string>& names, const Places& places = {});

struct StitchRun {
    Reflink reflink = Reflink::never;
    OutputFile::Options output = {};
    bool verify = true;  ///< against the list, where there is one
    unsigned jobs = 1;   ///< threads that copy
};

/// What a run found out about the bytes that it put together.
struct StitchResult {
    bool verified = false;  ///< false: something was not checked, for want of a line in a list or of the wish
    std::uint64_t shared_bytes = 0;
};

/// Writes the result to `path`; it and every shard are checked against the list in passing. Throws Error: io;
/// mismatch where a digest differs or a shard changes meanwhile: there is no file then.
GGUFMAP_API StitchResult run(const StitchPlan& plan, const std::string& path, const StitchRun& options,
                             Progress& progress);
/// The same into any sink; the caller publishes. Of the options, `output` does not count.
GGUFMAP_API StitchResult run(const StitchPlan& plan, Sink& sink, const StitchRun& options,
                             Progress& progress);

/// Throws what run() would throw before its first byte.
GGUFMAP_API void require_runnable(const StitchPlan& plan, const std::string& path, const StitchRun& options);

}  // namespace ggufmap
