#include "detail/read_plan.hpp"

#include <algorithm>

namespace ggufmap::detail {
namespace {

// Resident stretches below this are read from the disk with their surroundings: many small windows would
// cost more than they save.
constexpr std::uint64_t least_cached = std::uint64_t{2} << 20;

// A hole between two extents that costs less to read than to leave out; alignments are below that.
constexpr std::uint64_t most_gap = std::uint64_t{64} << 10;

}  // namespace

Residency::Residency(const Model& model, std::span<const ShardRange> extents, const PageCache& cache,
                     bool all_cached)
    : shards_(model.shards().size()) {
    std::vector<Range> hull(shards_.size());
    for (const ShardRange& extent : extents) {
        if (extent.range.empty()) continue;
        Range& around = hull[extent.shard];
        if (around.empty()) around = extent.range;
        const std::uint64_t begin = std::min(around.offset, extent.range.offset);
        around = {begin, std::max(around.end(), extent.range.end()) - begin};
    }
    for (std::size_t i = 0; i < shards_.size(); ++i) {
        if (hull[i].empty()) continue;
        if (all_cached) {
            shards_[i].cached = {hull[i]};
            continue;
        }
        const auto map = cache.map(model.shards()[i].file, hull[i]);
        if (!map) continue;  // unknown: reading directly is right in any case
        shards_[i].absent = map->stretches(false);
        shards_[i].cached = map->stretches(true);
        if (!shards_[i].absent.empty())
            std::erase_if(shards_[i].cached, [](Range range) { return range.size < least_cached; });
    }
}

std::vector<Part> Residency::parts(const ShardRange& extent) const {
    const std::vector<Range>& cached = shards_[extent.shard].cached;
    std::vector<Part> parts;
    std::uint64_t at = extent.range.offset;
    auto next = std::partition_point(cached.begin(), cached.end(),
                                     [&](Range range) { return range.end() <= extent.range.offset; });
    while (at < extent.range.end()) {
        const bool inside = next != cached.end() && next->offset <= at;
        const std::uint64_t border = next == cached.end() ? extent.range.end()
                                     : inside             ? next->end()
                                                          : next->offset;
        const std::uint64_t end = std::min(extent.range.end(), border);
        parts.push_back({{at, end - at}, inside ? Way::cached : Way::direct});
        if (inside) ++next;
        at = end;
    }
    return parts;
}

bool Residency::cached(const ShardRange& extent) const {
    const auto all = parts(extent);
    return std::all_of(all.begin(), all.end(), [](const Part& part) { return part.way == Way::cached; });
}

std::vector<Step> plan_steps(std::span<const ShardRange> extents, std::span<const std::size_t> order,
                             const Residency& residency) {
    std::vector<Step> steps;
    for (const std::size_t index : order) {
        const ShardRange& extent = extents[index];
        for (const Part& part : residency.parts(extent)) {
            Step* const last = steps.empty() ? nullptr : &steps.back();
            const bool joins = last != nullptr && last->shard == extent.shard && last->way == part.way &&
                               last->range.end() <= part.range.offset &&
                               part.range.offset - last->range.end() <= most_gap;
            if (joins) {
                last->range.size = part.range.end() - last->range.offset;
            } else {
                steps.push_back({extent.shard, part.range, part.way});
            }
        }
    }
    return steps;
}

}  // namespace ggufmap::detail
