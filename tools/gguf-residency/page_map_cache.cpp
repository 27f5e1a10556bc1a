#include "gguf-residency/page_map_cache.hpp"

namespace ggufmap::residency {

void PageMapCache::add(const File& file, Range range) {
    const Range whole{0, file.size()};
    const Key key(file.identity().device, file.identity().inode);
    PageMap& map = files_.try_emplace(key, whole, page_size()).first->second;
    const Range pages = page_cover(intersection(range, whole), page_size());
    map.set(pages.offset / page_size(), pages.size / page_size());
}

void PageMapCache::add(const File& file, const std::vector<Range>& ranges) {
    for (const Range range : ranges) add(file, range);
}

CacheMethod PageMapCache::method(const File&) const { return CacheMethod::page_tables; }

CacheCounts PageMapCache::query(const File& file, Range range) const {
    const auto pages = map(file, range);
    CacheCounts counts;
    counts.total = pages->page_count();
    counts.resident = page_cover({0, pages->present_bytes(pages->covered())}, page_size()).size / page_size();
    return counts;
}

std::optional<PageMap> PageMapCache::map(const File& file, Range range) const {
    const Range whole{0, file.size()};
    const Range covered = intersection(page_cover(intersection(range, whole), page_size()), whole);
    PageMap part(covered, page_size());
    const auto found = files_.find({file.identity().device, file.identity().inode});
    if (found == files_.end()) return part;
    for (const Range stretch : found->second.stretches(true)) {
        const Range inside = intersection(stretch, covered);
        if (inside.empty()) continue;
        part.set((inside.offset - covered.offset) / page_size(),
                 page_cover({0, inside.size}, page_size()).size / page_size());
    }
    return part;
}

}  // namespace ggufmap::residency
