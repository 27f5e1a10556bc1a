// What the kernel holds of a file, page by page. Asking maps at most an address range that is never touched,
// so it changes nothing; what the kernel will not tell is unknown (std::nullopt), never a guess.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "ggufmap/bytes.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/file.hpp"

namespace ggufmap {

/// Bytes of a page of this machine's page cache (4096 on x86-64).
GGUFMAP_API std::uint64_t page_size();

/// Where a file's pages live when nobody needs them.
enum class PageHome {
    disk,      ///< they can leave memory and come back
    tmpfs,     ///< (or ramfs) in memory alone; a hole that somebody maps and reads becomes a page that stays
    hugetlbfs  ///< in huge pages that were set aside: they cannot leave, and no control group counts them
};
GGUFMAP_API PageHome page_home(const File& file);
/// The parts of `range` (inside the file) that data was written to, in order; all of it where the file system
/// does not tell. Throws Error (io).
GGUFMAP_API std::vector<Range> written_ranges(const File& file, Range range);

/// Where an answer comes from.
enum class CacheMethod {
    cachestat,    ///< cachestat(2), Linux 6.5: all counters, 0.1 ms per GiB of large folios
    mincore,      ///< mincore(2): residency alone, 17 ms per GiB
    allocation,   ///< hugetlbfs, whose pages cannot leave memory: what is allocated is resident
    page_tables,  ///< what processes have mapped: PAGEMAP_SCAN or /proc/PID/pagemap
    none,         ///< not permitted or not supported: everything is unknown
};
/// "cachestat", "mincore", "allocation", "page tables", "none".
GGUFMAP_API std::string_view name_of(CacheMethod method);

/// Counts of pages, or of bytes where a function says so.
struct CacheCounts {
    std::uint64_t total = 0;                        ///< pages that the range touches
    std::optional<std::uint64_t> resident;          ///< in memory
    std::optional<std::uint64_t> dirty;             ///< of these: not yet written to the disk
    std::optional<std::uint64_t> writeback;         ///< of these: being written
    std::optional<std::uint64_t> evicted;           ///< were in memory and have been taken out
    std::optional<std::uint64_t> recently_evicted;  ///< of these: reading them again would make them active

    /// Unknown plus anything is unknown.
    GGUFMAP_API CacheCounts& operator+=(const CacheCounts& other);
    bool operator==(const CacheCounts&) const = default;
};

/// One bit a page of a range: 32 KiB for each GiB.
class GGUFMAP_API PageMap {
public:
    /// `covered` must be page-aligned at its start; all pages absent.
    PageMap(Range covered, std::uint64_t page);

    Range covered() const { return covered_; }
    std::uint64_t page() const { return page_; }
    std::uint64_t page_count() const { return page_count_; }
    /// `index` counts pages from the start of covered().
    bool present(std::uint64_t index) const { return (bits_[index / 64] >> (index % 64) & 1) != 0; }
    void set(std::uint64_t index) { bits_[index / 64] |= std::uint64_t{1} << (index % 64); }
    /// Pages [first, first + count).
    void set(std::uint64_t first, std::uint64_t count);

    /// Bytes of `range` (inside covered()) that lie in present pages.
    std::uint64_t present_bytes(Range range) const;
    /// The stretches that are present, or absent, in order, each as long as it gets, cut to covered().
    std::vector<Range> stretches(bool present) const;
    /// Adds the pages of another map of the same range.
    PageMap& operator|=(const PageMap& other);

private:
    std::uint64_t present_pages(std::uint64_t first, std::uint64_t last) const;

    Range covered_;
    std::uint64_t page_;
    std::uint64_t page_count_;
    std::vector<std::uint64_t> bits_;
};

/// The page cache as tools see it. Ranges may be unaligned and may reach beyond the end of the file: pages
/// beyond it do not count. Thread-safe.
class GGUFMAP_API PageCache {
public:
    virtual ~PageCache() = default;
    /// How query() gets its answers for this file.
    virtual CacheMethod method(const File& file) const = 0;
    /// In pages. Throws Error (io) only for failures that are not about permission or support.
    virtual CacheCounts query(const File& file, Range range) const = 0;
    /// Which pages are resident; covered() is the page cover of `range`, cut to the file. Nothing where
    /// unknown.
    virtual std::optional<PageMap> map(const File& file, Range range) const = 0;
};

/// The kernel's answer. The fallback is decided file by file: cachestat; mincore where the call is missing,
/// forbidden (seccomp) or blind (overlayfs: it counts an inode whose pages live in another one); nothing
/// where mincore would call every page resident, which it does for a file that the caller may neither write
/// nor owns. cachestat asks for the same since 6.14.
class GGUFMAP_API KernelPageCache final : public PageCache {
public:
    /// Tests take paths away to force the next one.
    enum class Allow { everything, only_cachestat, only_mincore, nothing };
    explicit KernelPageCache(Allow allow = Allow::everything) : allow_(allow) {}

    CacheMethod method(const File& file) const override;
    CacheCounts query(const File& file, Range range) const override;
    std::optional<PageMap> map(const File& file, Range range) const override;

private:
    CacheMethod decide(const File& file) const;

    Allow allow_;
    mutable std::mutex mutex_;
    mutable std::map<std::pair<std::uint64_t, std::uint64_t>, CacheMethod> known_;  // by device and inode
};

/// `range` in bytes instead of pages: a page that the range shares with a neighbour counts with the bytes
/// that lie in `range`, so that the parts of a file add up to the whole. CacheCounts::total is range.size.
GGUFMAP_API CacheCounts count_bytes(const PageCache& cache, const File& file, Range range);

/// The parts of `range` that are not resident, in order; all of it where that is unknown.
GGUFMAP_API std::vector<Range> missing_ranges(const PageCache& cache, const File& file, Range range);

}  // namespace ggufmap
