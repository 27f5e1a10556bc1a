// Reads extents of a model, tensors as a rule, as fast as memory or disk deliver them, each byte once, in
// bounded memory, and leaves the page cache as it was: what is resident is used where it is, what is not
// comes straight from the disk (O_DIRECT) and stays out of the cache. A file that is cut while it is read is
// an Error and never a SIGBUS: resident bytes are mapped only under a lease, which makes whoever cuts the
// file wait for a moment, and copied where there is none. So callbacks must not open the files for writing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>

#include "ggufmap/bytes.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/model.hpp"
#include "ggufmap/pagecache.hpp"
#include "ggufmap/select.hpp"

namespace ggufmap {

struct ReadOptions {
    unsigned jobs = 1;          ///< threads that work on the bytes, at least 1
    bool keep_cache = false;    ///< let what was not resident go into the page cache, and stay
    std::stop_token stop = {};  ///< asks to give up; seen within a few milliseconds
    std::function<void(std::uint64_t bytes)> progress = {};  ///< that much more is done; from any thread
    const PageCache* page_cache = nullptr;  ///< whom to ask what is resident; null: the kernel
};

/// Takes bytes. Those of one extent come in order and are followed by finish() or fail(); extents do not
/// overlap in time. Never called from two threads at once.
class GGUFMAP_API WeightSink {
public:
    virtual ~WeightSink() = default;
    /// The next bytes of an extent, whose index is its place in the list.
    virtual void take(std::size_t extent, Bytes bytes) = 0;
    /// All bytes of the extent have come; of an empty extent it is the only call.
    virtual void finish(std::size_t extent) = 0;
    /// The extent cannot be read; what was taken of it is void. io: the device; mismatch: the file shrank.
    virtual void fail(std::size_t extent, const Error& error) = 0;
    /// What a byte costs, in about 1/40 ns: how sinks are spread over threads.
    virtual unsigned cost() const { return 1; }
};

/// Reads the extents in any order, many at a time: the largest first. `make_sink` is called once for each
/// thread, one after the other; each sink gets whole extents. Returns false if it was asked to stop. Throws
/// Error (io) where a file cannot be opened again; rethrows what sinks throw. Errors of single
/// extents go to the sink and the rest goes on. Afterwards Model::check_unchanged tells if it was all one
/// state of the files.
/// `slow`: the sink is slower than a disk (SHA); cold files are then read by several threads.
GGUFMAP_API bool read_each(const Model& model, std::span<const ShardRange> extents,
                           const ReadOptions& options, const std::function<WeightSink&()>& make_sink,
                           bool slow = false);

/// Reads the extents one after the other, in the order of the list. Every sink gets all of it; they share
/// `jobs` threads. Returns and throws as read_each.
GGUFMAP_API bool read_in_order(const Model& model, std::span<const ShardRange> extents,
                               const ReadOptions& options, std::span<WeightSink* const> sinks);

}  // namespace ggufmap
