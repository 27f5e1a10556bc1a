// A file read through a mapping that nobody can cut meanwhile: no copy, and no SIGBUS.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <span>

#include "ggufmap/bytes.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/file.hpp"

namespace ggufmap::detail {

/// While anything is borrowed, a read lease (F_SETLEASE, fcntl(2)) lies on the file: whoever opens it for
/// writing, or truncates it, waits until all is given back, and until then nothing more is lent. The kernel
/// makes them wait 45 s at most (/proc/sys/fs/lease-break-time): a program stopped for longer than that with
/// a window in its hands is not protected. Thread-safe. Exported for the unit tests.
class GGUFMAP_API LeasedMap {
public:
    /// Without readahead, borrowing what is in memory brings nothing else there: the kernel reads on behind
    /// pages that carry a readahead mark.
    enum class ReadAhead { yes, no };
    /// `file` outlives this.
    LeasedMap(const File& file, ReadAhead ahead);
    LeasedMap(const LeasedMap&) = delete;
    LeasedMap& operator=(const LeasedMap&) = delete;
    ~LeasedMap();

    /// The bytes of `range`, which lies in the file, present in memory; each success wants one give_back() of
    /// the same range.
    /// Nothing where the kernel gives no lease (a file of another user, one that somebody has open for
    /// writing or waits to, FUSE and network file systems), the file has changed, or they cannot be read.
    std::optional<Bytes> borrow(Range range);
    void give_back(Range range);
    /// Copies what lies in the file from `offset` on, lease or not; false where it cannot be had so, and with
    /// readahead, which reads are better at.
    bool copy(std::uint64_t offset, std::span<std::byte> out) const;

private:
    bool take_lease();

    const File& file_;
    Fd fd_;
    ReadAhead ahead_;
    std::byte* address_ = nullptr;
    std::mutex mutex_;
    std::size_t borrowed_ = 0;
};

}  // namespace ggufmap::detail
