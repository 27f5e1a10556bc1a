// One thread's way of bringing stretches of a file into the page cache.
#pragma once

#include <cstddef>
#include <vector>

#include "ggufmap/file.hpp"
#include "ggufmap/prefault.hpp"

namespace ggufmap::detail {

/// Has an open file of its own, because readahead keeps its state there: threads that share one get single
/// pages (measured: 8.8 KiB a folio instead of 92). All functions throw Error: mismatch where the file ends
/// before the range does, io where it cannot be read.
class Warmer {
public:
    /// `warmers` work at the same time: 64 at most, so that each has 128 KiB to read into.
    Warmer(const File& file, WarmWay way, std::size_t warmers);

    /// With the kernel's readahead, which runs past the end of the range.
    void stream(Range range);
    /// These pages and no other.
    void exact(Range range);

private:
    void send(Range range);
    void read(Range range);
    void populate(Range range);
    void will_need(Range range);
    // In single pages: asks for all of them, then waits for each; small() does both.
    void ask_for(Range range);
    void wait_for(Range range);
    void small(Range range);
    bool huge(Range range);
    [[noreturn]] void fail(std::uint64_t offset, int failure) const;

    const File& file_;
    WarmWay way_;
    std::size_t read_at_once_;
    Fd fd_;
    Fd null_;
    std::vector<std::byte> buffer_;  // of read()
};

}  // namespace ggufmap::detail
