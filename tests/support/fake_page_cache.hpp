// A page cache that is what a test says.
#pragma once

#include <optional>

#include "ggufmap/pagecache.hpp"

namespace ggufmap::test {

class FakePageCache final : public PageCache {
public:
    /// All pages absent; `known` false: no answer at all.
    explicit FakePageCache(std::uint64_t file_size, bool known = true)
        : resident_({0, file_size}, page_size()), dirty_({0, file_size}, page_size()), known_(known) {}

    void set_resident(std::uint64_t first_page, std::uint64_t count) { resident_.set(first_page, count); }
    void set_dirty(std::uint64_t first_page, std::uint64_t count) { dirty_.set(first_page, count); }
    std::uint64_t queries() const { return queries_; }

    CacheMethod method(const File&) const override {
        return known_ ? CacheMethod::cachestat : CacheMethod::none;
    }
    CacheCounts query(const File&, Range range) const override {
        ++queries_;
        const auto [first, last] = pages(range);
        CacheCounts counts;
        counts.total = last - first;
        if (!known_) return counts;
        counts.resident = counts.dirty = counts.writeback = counts.evicted = counts.recently_evicted = 0;
        for (std::uint64_t page = first; page < last; ++page) {
            *counts.resident += resident_.present(page);
            *counts.dirty += dirty_.present(page);
        }
        return counts;
    }
    std::optional<PageMap> map(const File&, Range range) const override {
        if (!known_) return std::nullopt;
        const auto [first, last] = pages(range);
        const std::uint64_t begin = first * resident_.page();
        PageMap part(intersection({begin, (last - first) * resident_.page()}, resident_.covered()),
                     resident_.page());
        for (std::uint64_t page = first; page < last; ++page) {
            if (resident_.present(page)) part.set(page - first);
        }
        return part;
    }

private:
    std::pair<std::uint64_t, std::uint64_t> pages(Range range) const {
        const auto cover = page_cover(intersection(range, resident_.covered()), resident_.page());
        return {cover.offset / resident_.page(), cover.end() / resident_.page()};
    }

    PageMap resident_;
    PageMap dirty_;
    bool known_;
    mutable std::uint64_t queries_ = 0;
};

}  // namespace ggufmap::test
