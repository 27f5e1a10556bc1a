#include "ggufmap/pagecache.hpp"

#include <unistd.h>

#include <algorithm>
#include <bit>

#include "detail/cache_counts.hpp"
#include "ggufmap/checked.hpp"

namespace ggufmap {
std::uint64_t page_size() {
    static const auto size = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return size;
}

std::string_view name_of(CacheMethod method) {
    switch (method) {
        case CacheMethod::cachestat:
            return "cachestat";
        case CacheMethod::mincore:
            return "mincore";
        case CacheMethod::allocation:
            return "allocation";
        case CacheMethod::page_tables:
            return "page tables";
        case CacheMethod::none:
            break;
    }
    return "none";
}

PageMap::PageMap(Range covered, std::uint64_t page)
    : covered_(covered),
      page_(page),
      page_count_(covered.size / page + (covered.size % page != 0 ? 1 : 0)),
      bits_(static_cast<std::size_t>(page_count_ / 64 + 1)) {}

void PageMap::set(std::uint64_t first, std::uint64_t count) {
    while (count != 0) {
        const std::uint64_t bit = first % 64;
        const std::uint64_t here = std::min(count, 64 - bit);
        bits_[first / 64] |= (~std::uint64_t{0} >> (64 - here)) << bit;
        first += here;
        count -= here;
    }
}

std::uint64_t PageMap::present_pages(std::uint64_t first, std::uint64_t last) const {
    std::uint64_t pages = 0;
    while (first < last) {
        const std::uint64_t bit = first % 64;
        const std::uint64_t here = std::min(last - first, 64 - bit);
        const std::uint64_t mask = (~std::uint64_t{0} >> (64 - here)) << bit;
        pages += static_cast<std::uint64_t>(std::popcount(bits_[first / 64] & mask));
        first += here;
    }
    return pages;
}

std::uint64_t PageMap::present_bytes(Range range) const {
    if (range.empty()) return 0;
    const std::uint64_t begin = range.offset - covered_.offset;
    const std::uint64_t end = begin + range.size;
    const std::uint64_t first = begin / page_;
    const std::uint64_t last = (end - 1) / page_;
    std::uint64_t bytes = present_pages(first, last + 1) * page_;
    if (present(first)) bytes -= begin - first * page_;
    if (present(last)) bytes -= (last + 1) * page_ - end;
    return bytes;
}

std::vector<Range> PageMap::stretches(bool wanted) const {
    std::vector<Range> result;
    std::uint64_t index = 0;
    while (index < page_count_) {
        // Words without a change are skipped whole.
        const std::uint64_t none = wanted ? 0 : ~std::uint64_t{0};
        if (index % 64 == 0 && bits_[index / 64] == none && page_count_ - index >= 64) {
            index += 64;
            continue;
        }
        if (present(index) != wanted) {
            ++index;
            continue;
        }
        const std::uint64_t first = index;
        while (index < page_count_ && present(index) == wanted) ++index;
        const std::uint64_t begin = first * page_;
        result.push_back({covered_.offset + begin, std::min(index * page_, covered_.size) - begin});
    }
    return result;
}

PageMap& PageMap::operator|=(const PageMap& other) {
    std::transform(bits_.begin(), bits_.end(), other.bits_.begin(), bits_.begin(), std::bit_or<>());
    return *this;
}

CacheCounts count_bytes(const PageCache& cache, const File& file, Range range) {
    range = intersection(range, {0, file.size()});
    const std::uint64_t page = page_size();
    const CacheCounts whole = cache.query(file, range);
    if (detail::uniform(whole)) return detail::spread(whole, range.size);
    // Not uniform, so it touches two pages at least: the edges are asked for on their own.
    const std::uint64_t inner_begin = *checked::align_up(range.offset, page);
    const std::uint64_t inner_end = range.end() & ~(page - 1);
    CacheCounts bytes = detail::scaled(cache.query(file, {inner_begin, inner_end - inner_begin}), page);
    if (inner_begin > range.offset) {
        const std::uint64_t head = inner_begin - range.offset;
        bytes += detail::scaled(cache.query(file, {range.offset, head}), head);
    }
    if (range.end() > inner_end) {
        const std::uint64_t tail = range.end() - inner_end;
        bytes += detail::scaled(cache.query(file, {inner_end, tail}), tail);
    }
    return bytes;
}

std::vector<Range> missing_ranges(const PageCache& cache, const File& file, Range range) {
    range = intersection(range, {0, file.size()});
    if (range.empty()) return {};
    const auto map = cache.map(file, range);
    if (!map) return {range};
    std::vector<Range> missing = map->stretches(false);
    for (Range& one : missing) one = intersection(one, range);
    return missing;
}

}  // namespace ggufmap
