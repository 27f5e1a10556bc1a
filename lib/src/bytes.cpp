#include "ggufmap/bytes.hpp"

#include <algorithm>

namespace ggufmap {

std::vector<Range> merged(std::vector<Range> ranges) {
    std::erase_if(ranges, [](Range r) { return r.empty(); });
    std::sort(ranges.begin(), ranges.end());
    std::size_t kept = 0;
    for (const Range range : ranges) {
        if (kept > 0 && range.offset <= ranges[kept - 1].end()) {
            Range& last = ranges[kept - 1];
            last.size = std::max(last.end(), range.end()) - last.offset;
        } else {
            ranges[kept++] = range;
        }
    }
    ranges.resize(kept);
    return ranges;
}

std::uint64_t total_size(std::span<const Range> ranges) {
    std::uint64_t total = 0;
    for (const Range range : ranges) total += range.size;
    return total;
}

Range intersection(Range range, Range window) {
    const std::uint64_t begin = std::max(range.offset, window.offset);
    const std::uint64_t end = std::min(range.end(), window.end());
    return begin < end ? Range{begin, end - begin} : Range{begin, 0};
}

Range page_cover(Range range, std::uint64_t page) {
    if (range.empty()) return {range.offset & ~(page - 1), 0};
    const std::uint64_t begin = range.offset & ~(page - 1);
    const std::uint64_t last_page = (range.end() - 1) & ~(page - 1);
    return {begin, last_page - begin + page};
}

}  // namespace ggufmap
