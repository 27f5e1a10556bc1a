// Where header bytes come from: file, memory, or a pipe that can be read once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ggufmap/bytes.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/file.hpp"

namespace ggufmap {

/// Bytes in order, once.
class GGUFMAP_API ByteSource {
public:
    virtual ~ByteSource() = default;
    /// Reads the next bytes, at least one unless `out` is empty or the source has ended (0). Throws Error
    /// (io).
    virtual std::size_t read(std::span<std::byte> out) = 0;
    /// Bytes from start to end; nothing where only the end will tell.
    virtual std::optional<std::uint64_t> size() const = 0;
    /// For messages.
    virtual const std::string& name() const = 0;
};

/// Reads with pread and without readahead, so that looking at a header leaves the rest of a cold file cold
/// (a mapping pulls in 8 MiB for 100 kB of header; measured on ext4 with read_ahead_kb 8192). Readahead of
/// the descriptor is off from construction to destruction.
class GGUFMAP_API FileSource final : public ByteSource {
public:
    explicit FileSource(const File& file);
    ~FileSource() override;
    FileSource(const FileSource&) = delete;
    FileSource& operator=(const FileSource&) = delete;
    std::size_t read(std::span<std::byte> out) override;
    std::optional<std::uint64_t> size() const override { return file_.size(); }
    const std::string& name() const override { return file_.name(); }

private:
    const File& file_;
    std::uint64_t position_ = 0;
};

class GGUFMAP_API MemorySource final : public ByteSource {
public:
    /// Hands out at most `chunk` bytes a call (0: any number).
    explicit MemorySource(Bytes bytes, std::string name = "memory", std::size_t chunk = 0);
    std::size_t read(std::span<std::byte> out) override;
    std::optional<std::uint64_t> size() const override { return bytes_.size(); }
    const std::string& name() const override { return name_; }

private:
    Bytes bytes_;
    std::string name_;
    std::size_t chunk_;
    std::size_t position_ = 0;
};

/// Any descriptor that read(2) works on. Does not own it.
class GGUFMAP_API PipeSource final : public ByteSource {
public:
    explicit PipeSource(int fd, std::string name = "-");
    std::size_t read(std::span<std::byte> out) override;
    std::optional<std::uint64_t> size() const override { return std::nullopt; }
    const std::string& name() const override { return name_; }

private:
    int fd_;
    std::string name_;
};

}  // namespace ggufmap
