// Brings chosen parts of a model into the page cache: only what is missing, in large folios, as fast as the
// device delivers.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ggufmap/copy.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/memory.hpp"
#include "ggufmap/model.hpp"
#include "ggufmap/pagecache.hpp"
#include "ggufmap/select.hpp"

namespace ggufmap {

/// How bytes are brought in. Measured on ext4 (6.18, 2.16 GiB): sendfile fills the cache with folios of 857
/// KiB on average, populate 92, read 113; willneed with single pages, which makes every later fault 8 to 10
/// times dearer.
enum class WarmWay {
    automatic,  ///< sendfile, or what the file system has instead
    sendfile,   ///< to /dev/null: no mapping, no copy
    populate,   ///< MADV_POPULATE_READ on a mapping that goes again
    read,       ///< into a buffer: works everywhere, costs a copy
    willneed    ///< POSIX_FADV_WILLNEED, and a wait until the bytes are there
};
/// "auto", "sendfile", "populate", "read", "willneed"; nothing for another word.
GGUFMAP_API std::optional<WarmWay> parse_warm_way(std::string_view name);

/// What of a selection is worth most for each byte, until `budget` bytes of whole pages are full: header,
/// norms, embedding rows in use, output, attention, shared feed-forward, routers, experts, early layers
/// first within each. An embedding that is not the output matrix as well is read a row a token: its resident
/// pages are the rows in use, the others come last. Everything where that fits. Sorted, disjoint.
GGUFMAP_API std::vector<ShardRange> within_budget(const PageCache& cache, const Model& model,
                                                  const Selection& selection, std::uint64_t budget);

/// `ranges` without the holes of files in tmpfs: whoever maps a hole and reads it turns it into memory that
/// cannot be reclaimed. Sorted, disjoint, as `ranges` must be. Throws Error (io).
GGUFMAP_API std::vector<ShardRange> without_holes(const Model& model, std::span<const ShardRange> ranges);

/// Shards are indices into the model that it was made for.
struct PrefaultPlan {
    std::vector<ShardRange> wanted;  ///< what shall be resident: sorted, disjoint
    std::vector<ShardRange>
        missing;         ///< what of it is not, without_holes(), in whole pages: sorted, disjoint
    CacheCounts before;  ///< of `wanted`, in bytes

    GGUFMAP_API std::uint64_t missing_bytes() const;
};
/// `wanted` must be sorted and disjoint. Where residency is unknown, all of it is missing.
GGUFMAP_API PrefaultPlan plan_prefault(const PageCache& cache, const Model& model,
                                       std::vector<ShardRange> wanted);

struct PrefaultOptions {
    WarmWay way = WarmWay::automatic;
    /// Threads (64 at most), each with an open file and a contiguous part of its own. 0: four, one on a disk
    /// that rotates.
    unsigned jobs = 0;
    /// Bytes between two looks at progress, rate and pressure; less where the rate is below ten of it a
    /// second.
    std::uint64_t chunk = 8ULL << 20;
    std::optional<std::uint64_t> rate = {};  ///< bytes a second at most, all threads together
    bool idle_io = false;                    ///< only while nobody else uses the disk (ioprio class idle)
    /// One folio of 2 MiB for each 2 MiB, where the file system can: mappings need one entry for each.
    bool huge_pages = false;
    KernelRoots roots = {};  ///< where pressure and devices are looked up
    /// Where not empty: calls what it is given, which opens a file of the model once more. From several
    /// threads; who watches the files can tell these opens from those of others.
    std::function<void(const std::function<void()>& open)> opening = {};
};

struct PrefaultResult {
    std::uint64_t bytes = 0;  ///< brought in
    std::chrono::nanoseconds elapsed{};
    /// Time in which reading waited because tasks of this machine were stalled for memory.
    std::chrono::nanoseconds held_back{};
};

/// Brings in what is missing. Past the end of a selected stretch nothing is read ahead. `progress` is called
/// from several threads, one at a time. Throws Error: mismatch where a file ends too early; io where it
/// cannot be read, memory is short (ENOMEM), or progress asks to stop (EINTR).
GGUFMAP_API PrefaultResult prefault(const Model& model, const PrefaultPlan& plan,
                                    const PrefaultOptions& options, Progress& progress);

/// Bytes a second that the device of the first missing stretch delivers, from a few MiB read past the page
/// cache (O_DIRECT), which changes nothing in it. Nothing where the file system cannot do that.
GGUFMAP_API std::optional<double> measure_device(const Model& model, std::span<const ShardRange> missing);

}  // namespace ggufmap
