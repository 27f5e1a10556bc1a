#include "ggufmap/residency.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "detail/advise_huge.hpp"
#include "detail/cache_counts.hpp"

namespace ggufmap {
namespace {

// One call of cachestat costs 0.4 us whatever its size, so small neighbours share one. 2 MiB, the largest
// folio, keeps what has to be asked again short where a group is not all there or all absent.
constexpr std::uint64_t small = 64 << 10;
constexpr std::uint64_t group_span = 2 << 20;

// The smallest range around all of them; they are sorted by offset.
Range span_of(std::span<const Range> ranges) {
    std::uint64_t end = 0;
    for (const Range range : ranges) end = std::max(end, range.end());
    return {ranges.front().offset, end - ranges.front().offset};
}

std::size_t group_end(std::span<const Range> ranges, std::size_t first) {
    std::size_t end = first + 1;
    while (end < ranges.size() && ranges[first].size < small && ranges[end].size < small &&
           ranges[end].end() - ranges[first].offset <= group_span)
        ++end;
    return end;
}

CacheCounts nothing() { return {0, 0, 0, 0, 0, 0}; }

std::vector<CacheCounts> count_by_map(const PageMap& map, std::span<const Range> ranges) {
    std::vector<CacheCounts> counts;
    for (const Range range : ranges) {
        const Range inside = intersection(range, map.covered());
        CacheCounts one;
        one.total = inside.size;
        one.resident = map.present_bytes(inside);
        counts.push_back(one);
    }
    return counts;
}

std::vector<Portion> all_regions(const Model& model) {
    std::vector<Portion> portions;
    for (std::uint32_t i = 0; i < model.shards().size(); ++i) {
        const std::vector<Region> regions = regions_of(model.shards()[i]);
        portions.reserve(portions.size() + regions.size());
        detail::advise_huge(portions);
        for (const Region& region : regions) {
            Portion portion{region.tensor, Part::other, {i, region.range}, std::nullopt, {}};
            if (region.kind == Region::Kind::header) portion.part = Part::header;
            if (region.tensor) portion.part = role_of(region.tensor->name).part;
            portions.push_back(portion);
        }
    }
    return portions;
}

std::vector<Portion> selected(const Model& model, const Selection& selection) {
    std::vector<Portion> portions;
    for (const Selected& one : selection.of(model)) {
        Portion portion{nullptr, Part::header, one.where, one.expert, {}};
        if (one.tensor) {
            portion.tensor = one.tensor->info;
            portion.part = role_of(one.tensor->info->name).part;
        }
        portions.push_back(portion);
    }
    return portions;
}

// So many are counted at a time: a model of 400,000 tensors would need 60 MB for questions and answers.
constexpr std::size_t at_once = 4096;

// Counts `count` ranges in file order; where_of(i) tells the i-th, take(i, counts) gets its answer.
template <typename WhereOf, typename Take>
void count_in_order(const PageCache& cache, const Model& model, std::size_t count, WhereOf where_of,
                    Take take) {
    std::vector<Range> ranges;
    for (std::size_t first = 0; first < count; first += ranges.size()) {
        ranges.clear();
        const std::uint32_t shard = where_of(first).shard;
        for (std::size_t i = first; i < count && ranges.size() < at_once && where_of(i).shard == shard; ++i)
            ranges.push_back(where_of(i).range);
        const auto answers = count_each(cache, model.shards()[shard].file, ranges);
        for (std::size_t i = 0; i < answers.size(); ++i) take(first + i, answers[i]);
    }
}

}  // namespace

std::vector<CacheCounts> count_each(const PageCache& cache, const File& file, std::span<const Range> ranges) {
    if (ranges.empty()) return {};
    if (cache.method(file) == CacheMethod::mincore) {
        if (const auto map = cache.map(file, span_of(ranges))) return count_by_map(*map, ranges);
    }
    std::vector<CacheCounts> counts;
    counts.reserve(ranges.size());
    for (std::size_t first = 0; first < ranges.size();) {
        const std::size_t end = group_end(ranges, first);
        const auto group = ranges.subspan(first, end - first);
        const CacheCounts together = group.size() > 1 ? cache.query(file, span_of(group)) : CacheCounts{};
        const bool known = group.size() > 1 && detail::uniform(together);
        for (; first < end; ++first) {
            const Range range = intersection(ranges[first], {0, file.size()});
            counts.push_back(known ? detail::spread(together, range.size) : count_bytes(cache, file, range));
        }
    }
    return counts;
}

CacheCounts count_ranges(const PageCache& cache, const Model& model, std::span<const ShardRange> ranges) {
    CacheCounts sum = nothing();
    count_in_order(
        cache, model, ranges.size(), [&](std::size_t i) { return ranges[i]; },
        [&](std::size_t, const CacheCounts& counts) { sum += counts; });
    return sum;
}

std::vector<Portion> measure(const PageCache& cache, const Model& model, const Selection& selection) {
    std::vector<Portion> portions = selection.everything() ? all_regions(model) : selected(model, selection);
    count_in_order(
        cache, model, portions.size(), [&](std::size_t i) { return portions[i].where; },
        [&](std::size_t i, const CacheCounts& counts) { portions[i].bytes = counts; });
    return portions;
}

CacheCounts total_of(std::span<const Portion> portions) {
    CacheCounts sum = nothing();
    for (const Portion& portion : portions) sum += portion.bytes;
    return sum;
}

CacheCounts LayerResidency::total() const {
    CacheCounts sum = nothing();
    for (const CacheCounts& part : parts) sum += part;
    return sum;
}

std::vector<LayerResidency> by_layer(std::span<const Portion> portions) {
    using Key = std::pair<std::string_view, std::int64_t>;
    std::map<Key, LayerResidency> layers;
    for (const Portion& portion : portions) {
        const Role role = portion.tensor ? role_of(portion.tensor->name) : Role{};
        const Key key = role.layer ? Key{role.stack, std::int64_t{*role.layer}} : Key{"", -1};
        const auto [entry, added] = layers.try_emplace(key);
        LayerResidency& layer = entry->second;
        if (added) {
            layer.stack = role.stack;
            layer.layer = role.layer;
            layer.parts.fill(nothing());
        }
        layer.parts[static_cast<std::size_t>(portion.part)] += portion.bytes;
    }
    std::vector<LayerResidency> result;
    for (const auto& [key, layer] : layers) result.push_back(layer);
    return result;
}

}  // namespace ggufmap
