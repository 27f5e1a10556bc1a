// Shards one behind the other through a pipe: made and put together again without temporary disk.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ggufmap/checksums.hpp"
#include "ggufmap/copy.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/shard.hpp"
#include "ggufmap/source.hpp"

namespace ggufmap {

/// What has to be known before the first shard can be put where it belongs: the header of the original comes
/// first in it, but is known last.
struct StreamLayout {
    std::uint64_t data_offset = 0;  ///< of the original's tensor data; 0 for raw pieces
    std::uint64_t size = 0;         ///< of the original
};
GGUFMAP_API StreamLayout stream_layout(const ShardPlan& plan);

/// Takes named files in order.
class GGUFMAP_API ShardStream : public Sink {
public:
    virtual void begin(const std::string& name, std::uint64_t size) = 0;
    virtual void end() = 0;
};

/// Sends all shards, then the checksum list. Throws Error as run() does.
GGUFMAP_API ShardResult send(const ShardPlan& plan, bool checksums, ShardStream& stream, Progress& progress);

/// Puts shards or raw pieces together as they come in. The result is written out of order: data first.
class GGUFMAP_API StreamStitcher {
public:
    /// `output` is written to at any offset: a FileSink of size 0 will do. `stream` is for messages.
    StreamStitcher(Sink& output, std::string stream, StreamLayout layout, Progress& progress);
    ~StreamStitcher();
    StreamStitcher(const StreamStitcher&) = delete;
    StreamStitcher& operator=(const StreamStitcher&) = delete;

    /// The next file of the stream, `size` bytes in `content`: a shard, a raw piece or the checksum list.
    /// Throws Error: io; what parse() throws; mismatch where it is not the one that belongs here.
    void add(const std::string& name, std::uint64_t size, ByteSource& content);
    /// Writes the header and checks that all has come and is as listed; the caller commits the output.
    /// Returns the names of those that could not be checked: all of them where there was no list. Throws
    /// Error (mismatch) otherwise.
    std::vector<std::string> finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace ggufmap
