// Copying with several threads: each reads and writes blocks of the output on its own, and the tap sees them
// one after the other, in order. So digests are those of a single thread, and memory does not grow with the
// files.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ggufmap/copy.hpp"

namespace ggufmap::detail {

class BlockCopy {
public:
    /// What a copy is about; all of it outlives the copy. `cold` says for each piece whether it is read past
    /// the page cache.
    struct Task {
        std::span<const Piece> pieces;
        std::span<const std::uint8_t> cold;
        Sink& sink;  ///< concurrent()
        std::uint64_t offset;
        const Copier::Tap& tap;
        Progress& progress;
    };
    /// Each has 4 MiB of its own: more would exceed the 64 MiB that we allow ourselves.
    static constexpr unsigned most_threads = 12;

    explicit BlockCopy(const Task& task);
    /// Returns the offset behind the last byte. Throws what Copier::copy() throws.
    std::uint64_t run(unsigned jobs);

private:
    class Worker;

    const Task& task_;
    std::vector<std::uint64_t> starts_;  ///< of the pieces in the output, and the end of the last one
};

}  // namespace ggufmap::detail
