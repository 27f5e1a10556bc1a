// Tar streams of shards. In a place of its own, as only two tools need libarchive and what it drags in.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "ggufmap/shard_stream.hpp"
#include "ggufmap/source.hpp"

namespace ggufmap::cli {

/// Writes a pax archive that stock tar unpacks; the layout rides along as an extended attribute of the first
/// file.
class TarWriter final : public ShardStream {
public:
    /// Does not own the descriptor; `name` is for messages. Throws Error (io), as all members do.
    TarWriter(int fd, std::string name, StreamLayout layout);
    ~TarWriter() override;

    void begin(const std::string& name, std::uint64_t size) override;
    void write(std::uint64_t offset, Bytes bytes) override;
    void end() override;
    /// The end of the archive; without it readers report truncation.
    void close();

private:
    struct Archive;
    std::unique_ptr<Archive> archive_;
    std::optional<StreamLayout> layout_;  ///< until the first file has it
};

/// Reads a tar archive; read() gives the content of the current file.
class TarReader final : public ByteSource {
public:
    TarReader(int fd, std::string name);
    ~TarReader() override;

    struct Entry {
        std::string name;  ///< without directories
        std::uint64_t size = 0;
        std::optional<StreamLayout> layout;
    };
    /// The next regular file. Throws Error (malformed) where this is no tar archive or it is cut off.
    std::optional<Entry> next();

    std::size_t read(std::span<std::byte> out) override;
    std::optional<std::uint64_t> size() const override { return std::nullopt; }
    const std::string& name() const override;

private:
    struct Archive;
    std::unique_ptr<Archive> archive_;
};

}  // namespace ggufmap::cli
