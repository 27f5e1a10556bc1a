#include "ggufmap/prefault.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "ggufmap/residency.hpp"

namespace ggufmap {
namespace {

// The order in which memory is spent; within one, early layers first.
enum class Worth { header, norm, embedding_in_use, output, attention, feed_forward, router, experts, rows };

Worth worth_of(const Selected& selected, bool embedding_is_output) {
    if (selected.tensor == nullptr) return Worth::header;
    const Role role = role_of(selected.tensor->info->name);
    if (role.router) return Worth::router;
    switch (role.part) {
        case Part::header:
            return Worth::header;
        case Part::norm:
            return Worth::norm;
        case Part::embed:
            return embedding_is_output ? Worth::embedding_in_use : Worth::rows;
        case Part::output:
            return Worth::output;
        case Part::attn:
            return Worth::attention;
        case Part::experts:
            return Worth::experts;
        case Part::ffn:
        case Part::other:
            break;
    }
    return Worth::feed_forward;
}

struct Candidate {
    Worth worth;
    std::uint32_t layer;
    ShardRange where;  // whole pages, cut at the end of the file

    auto operator<=>(const Candidate&) const = default;
};

ShardRange whole_pages(const Model& model, const ShardRange& where) {
    const Range file{0, model.shards()[where.shard].file.size()};
    return {where.shard, intersection(page_cover(intersection(where.range, file), page_size()), file)};
}

std::vector<Candidate> by_worth(const PageCache& cache, const Model& model, const Selection& selection) {
    const bool tied = model.find_tensor("output.weight") == nullptr;
    std::vector<Candidate> candidates;
    for (const Selected& selected : selection.of(model)) {
        const Worth worth = worth_of(selected, tied);
        const auto layer =
            selected.tensor != nullptr ? role_of(selected.tensor->info->name).layer.value_or(0) : 0;
        const ShardRange where = whole_pages(model, selected.where);
        candidates.push_back({worth, layer, where});
        if (worth != Worth::rows) continue;
        const auto map = cache.map(model.shards()[where.shard].file, where.range);
        if (!map) continue;
        candidates.pop_back();
        for (const bool in_use : {true, false}) {
            for (const Range range : map->stretches(in_use))
                candidates.push_back(
                    {in_use ? Worth::embedding_in_use : Worth::rows, layer, {where.shard, range}});
        }
    }
    std::sort(candidates.begin(), candidates.end());
    return candidates;
}

std::uint64_t bytes_of(std::span<const ShardRange> ranges) {
    std::uint64_t bytes = 0;
    for (const ShardRange& one : ranges) bytes += one.range.size;
    return bytes;
}

}  // namespace

std::optional<WarmWay> parse_warm_way(std::string_view name) {
    constexpr std::array<std::pair<std::string_view, WarmWay>, 5> ways = {{{"auto", WarmWay::automatic},
                                                                           {"sendfile", WarmWay::sendfile},
                                                                           {"populate", WarmWay::populate},
                                                                           {"read", WarmWay::read},
                                                                           {"willneed", WarmWay::willneed}}};
    for (const auto& [word, way] : ways) {
        if (word == name) return way;
    }
    return std::nullopt;
}

std::vector<ShardRange> within_budget(const PageCache& cache, const Model& model, const Selection& selection,
                                      std::uint64_t budget) {
    std::vector<ShardRange> all = selection.ranges(model);
    std::vector<ShardRange> pages;
    for (const ShardRange& one : all) pages.push_back(whole_pages(model, one));
    if (bytes_of(merged(std::move(pages))) <= budget) return all;

    // Pages that two tensors share are paid for twice: a little is left over, never too much taken.
    std::vector<ShardRange> chosen;
    for (const Candidate& candidate : by_worth(cache, model, selection)) {
        const std::uint64_t size = std::min(candidate.where.range.size, budget / page_size() * page_size());
        if (size != 0) chosen.push_back({candidate.where.shard, {candidate.where.range.offset, size}});
        budget -= size;
        if (size < candidate.where.range.size) break;
    }
    return merged(std::move(chosen));
}

std::uint64_t PrefaultPlan::missing_bytes() const { return bytes_of(missing); }

std::vector<ShardRange> without_holes(const Model& model, std::span<const ShardRange> ranges) {
    std::vector<ShardRange> result;
    for (const ShardRange& one : ranges) {
        const File& file = model.shards()[one.shard].file;
        if (page_home(file) != PageHome::tmpfs) {
            result.push_back(one);
            continue;
        }
        for (const Range written : written_ranges(file, one.range)) result.push_back({one.shard, written});
    }
    return result;
}

PrefaultPlan plan_prefault(const PageCache& cache, const Model& model, std::vector<ShardRange> wanted) {
    PrefaultPlan plan;
    plan.before = count_ranges(cache, model, wanted);
    std::vector<ShardRange> missing;
    if (plan.before.resident != plan.before.total) {
        for (const ShardRange& one : wanted) {
            const File& file = model.shards()[one.shard].file;
            for (const Range range : missing_ranges(cache, file, one.range))
                missing.push_back(whole_pages(model, {one.shard, range}));
        }
    }
    plan.missing = without_holes(model, merged(std::move(missing)));
    plan.wanted = std::move(wanted);
    return plan;
}

}  // namespace ggufmap
