// Open files. A path is opened once and the open file is passed on, never the path again.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "ggufmap/bytes.hpp"
#include "ggufmap/export.hpp"

namespace ggufmap {

/// Owns a file descriptor.
class GGUFMAP_API Fd {
public:
    Fd() = default;
    explicit Fd(int number) : number_(number) {}
    Fd(Fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Fd& operator=(Fd&& other) noexcept;
    ~Fd() { close(); }

    int get() const { return number_; }
    explicit operator bool() const { return number_ >= 0; }
    int release() { return std::exchange(number_, -1); }
    /// Closes and forgets; errors are not reported (use fsync before, where they matter).
    void close();

private:
    int number_ = -1;
};

/// What tells one state of a file from another.
struct FileIdentity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::int64_t modified_ns = 0;  ///< mtime, nanoseconds since the epoch

    bool operator==(const FileIdentity&) const = default;
    bool same_file(const FileIdentity& other) const { return device == other.device && inode == other.inode; }
};

/// A regular file, open for reading.
class GGUFMAP_API File {
public:
    /// Opens without blocking on FIFOs or devices. Throws Error (io) if it cannot be opened, Error
    /// (unsupported) if it is a directory, FIFO, socket or device.
    static File open(const std::string& path);
    /// The same below an open directory; `shown` is the name used in messages.
    static File open_at(int directory, const std::string& relative, const std::string& shown);
    /// Takes over an open descriptor.
    static File adopt(Fd fd, const std::string& shown);
    /// A name without a file behind it: size 0, descriptor -1. What a header from a pipe belongs to.
    static File absent(const std::string& shown);

    const std::string& name() const { return name_; }
    int fd() const { return fd_.get(); }
    std::uint64_t size() const { return identity_.size; }
    /// As it was when the file was opened.
    const FileIdentity& identity() const { return identity_; }

    /// Reads up to out.size() bytes at `offset`; fewer only at the end of the file. Throws Error (io).
    std::size_t read_some(std::uint64_t offset, std::span<std::byte> out) const;
    /// Reads exactly out.size() bytes; throws Error (mismatch) when the file ends before.
    void read_exactly(std::uint64_t offset, std::span<std::byte> out) const;
    /// Throws Error (mismatch) if size or mtime are no longer what they were when the file was opened.
    void check_unchanged() const;
    /// A second open file description of the same file (own readahead state and flags, e.g. O_DIRECT in
    /// `flags`). Nothing is followed by name. Throws Error (io).
    Fd reopen(int flags) const;

private:
    File() = default;
    File(Fd fd, std::string name);

    Fd fd_;
    std::string name_;
    FileIdentity identity_;
};

/// Fills identity from fstat; throws Error (io).
GGUFMAP_API FileIdentity identify(int fd, const std::string& name);

}  // namespace ggufmap
