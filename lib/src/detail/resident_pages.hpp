// Copies what is in the page cache of a file, and brings nothing into it.
#pragma once

#include <cstddef>
#include <span>

#include "ggufmap/bytes.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/file.hpp"
#include "ggufmap/pagecache.hpp"

namespace ggufmap::detail {

/// Error (io) for a file that the kernel gives no answer about: neither "in memory" nor "not" would be true.
Error residency_unknown(const File& file);

/// A read() may read more than it is asked for: a page that carries a readahead mark sets off the reading of
/// what follows, RWF_NOWAIT and POSIX_FADV_RANDOM notwithstanding. A mapping with MADV_RANDOM does not.
/// Thread-safe.
class ResidentPages {
public:
    /// Both outlive this. Throws Error (io) where the file cannot be mapped.
    ResidentPages(const File& file, const PageCache& cache);
    ResidentPages(const ResidentPages&) = delete;
    ResidentPages& operator=(const ResidentPages&) = delete;
    ~ResidentPages();

    /// All pages of `range` are in memory. Throws residency_unknown().
    bool hold(Range range) const;
    /// Fills `out` with the bytes from `offset` on; false where a page of them is not in memory, or no longer
    /// in the file. A page that leaves between the question and the copy is read back, it alone. Throws Error
    /// (io) where the kernel does not let us, residency_unknown().
    bool copy(std::uint64_t offset, std::span<std::byte> out) const;

private:
    const File& file_;
    const PageCache& cache_;
    std::byte* address_ = nullptr;  // null: an empty file
};

}  // namespace ggufmap::detail
