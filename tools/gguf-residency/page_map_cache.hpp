// Page maps behind the PageCache interface: what a process has in its page tables, or what a recording has
// seen, in every view that shows the page cache.
#pragma once

#include <map>
#include <utility>

#include "ggufmap/pagecache.hpp"

namespace ggufmap::residency {

class PageMapCache final : public PageCache {
public:
    /// Pages of `range` (page-aligned at its start) are in it.
    void add(const File& file, Range range);
    void add(const File& file, const std::vector<Range>& ranges);

    CacheMethod method(const File& file) const override;
    /// Resident pages; all other counters are unknown.
    CacheCounts query(const File& file, Range range) const override;
    std::optional<PageMap> map(const File& file, Range range) const override;

private:
    using Key = std::pair<std::uint64_t, std::uint64_t>;  // device and inode
    std::map<Key, PageMap> files_;
};

}  // namespace ggufmap::residency
