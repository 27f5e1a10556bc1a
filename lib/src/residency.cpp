#include "ggufmap/residency.hpp"

#include <algorithm>
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

// So many are counted at a time: a model of 400,000 tensors would need 60 MB for questions and answers.
constexpr std::size_t at_once = 4096;

// Portions that have been counted go on to `take`, in the order of add().
class Counter {
public:
    Counter(const PageCache& cache, const Model& model, const std::function<void(const Portion&)>& take)
        : cache_(cache), model_(model), take_(take) {}

    void add(const Portion& portion) {
        // Tensors of a hostile file overlap, so that their slices are not in order.
        const bool full =
            waiting_.size() == at_once ||
            (!waiting_.empty() && (waiting_.back().where.shard != portion.where.shard ||
                                   waiting_.back().where.range.offset > portion.where.range.offset));
        if (full) flush();
        waiting_.push_back(portion);
    }
    void flush() {
        if (waiting_.empty()) return;
        ranges_.clear();
        for (const Portion& portion : waiting_) ranges_.push_back(portion.where.range);
        const auto counts = count_each(cache_, model_.shards()[waiting_.front().where.shard].file, ranges_);
        for (std::size_t i = 0; i < waiting_.size(); ++i) {
            waiting_[i].bytes = counts[i];
            take_(waiting_[i]);
        }
        waiting_.clear();
    }

private:
    const PageCache& cache_;
    const Model& model_;
    const std::function<void(const Portion&)>& take_;
    std::vector<Portion> waiting_;  // in one file
    std::vector<Range> ranges_;
};

// Tensors without a byte, in file order; no region is made of them.
std::vector<const Tensor*> empty_tensors(const Shard& shard) {
    std::vector<const Tensor*> empty;
    for (const Tensor& tensor : shard.gguf.tensors()) {
        if (tensor.bytes == 0) empty.push_back(&tensor);
    }
    std::stable_sort(empty.begin(), empty.end(),
                     [](const Tensor* a, const Tensor* b) { return a->offset < b->offset; });
    return empty;
}

void add_regions(const Model& model, Counter& counter) {
    for (std::uint32_t i = 0; i < model.shards().size(); ++i) {
        const Shard& shard = model.shards()[i];
        const auto add = [&](const Tensor* tensor, Part part, Range range) {
            Portion portion{tensor, {}, {i, range}, std::nullopt, {}};
            portion.role.part = part;
            if (tensor != nullptr) portion.role = role_of(tensor->name);
            counter.add(portion);
        };
        const std::vector<const Tensor*> empty = empty_tensors(shard);
        auto next_empty = empty.begin();
        const auto add_empty = [&](std::uint64_t up_to) {
            for (; next_empty != empty.end(); ++next_empty) {
                const std::uint64_t offset = shard.gguf.data_offset() + (*next_empty)->offset;
                if (offset > up_to) break;
                add(*next_empty, Part::other, {std::min(offset, shard.file.size()), 0});
            }
        };
        // As a selection has it: padding up to the weights belongs to the header.
        const Range header = header_range(shard);
        if (!header.empty()) add(nullptr, Part::header, header);
        for_each_region(shard, [&](const Region& region) {
            if (region.range.end() <= header.end()) return;
            add_empty(region.range.offset);
            add(region.tensor, Part::other, region.range);
        });
        add_empty(UINT64_MAX);
    }
}

void add_selected(const Model& model, const Selection& selection, Counter& counter) {
    selection.for_each(model, [&](const Selected& one) {
        Portion portion{nullptr, {}, one.where, one.expert, {}};
        portion.role.part = Part::header;
        if (one.tensor) {
            portion.tensor = one.tensor->info;
            portion.role = role_of(portion.tensor->name);
        }
        counter.add(portion);
    });
}

}  // namespace

std::vector<CacheCounts> count_each(const PageCache& cache, const File& file, std::span<const Range> ranges) {
    if (ranges.empty()) return {};
    const CacheMethod method = cache.method(file);
    if (method == CacheMethod::mincore || method == CacheMethod::page_tables) {
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
    const std::function<void(const Portion&)> add = [&](const Portion& one) { sum += one.bytes; };
    Counter counter(cache, model, add);
    for (const ShardRange& where : ranges) counter.add({nullptr, {}, where, std::nullopt, {}});
    counter.flush();
    return sum;
}

void measure_each(const PageCache& cache, const Model& model, const Selection& selection,
                  const std::function<void(const Portion&)>& take) {
    Counter counter(cache, model, take);
    if (selection.everything()) {
        add_regions(model, counter);
    } else {
        add_selected(model, selection, counter);
    }
    counter.flush();
}

std::vector<Portion> measure(const PageCache& cache, const Model& model, const Selection& selection) {
    std::vector<Portion> portions;
    portions.reserve(model.tensors().size() + 2 * model.shards().size());
    detail::advise_huge(portions);
    measure_each(cache, model, selection, [&](const Portion& portion) { portions.push_back(portion); });
    return portions;
}

CacheCounts LayerResidency::total() const {
    CacheCounts sum = nothing();
    for (const CacheCounts& part : parts) sum += part;
    return sum;
}

LayerTally::LayerTally(std::span<const Portion> portions) {
    for (const Portion& portion : portions) add(portion);
}

void LayerTally::add(const Portion& portion) {
    const Role& role = portion.role;
    if (last_ == nullptr || last_->layer != role.layer || last_->stack != role.stack) {
        const auto [entry, added] = layers_.try_emplace(Key(role.stack, role.layer));
        last_ = &entry->second;
        if (added) {
            last_->stack = role.stack;
            last_->layer = role.layer;
            last_->parts.fill(nothing());
        }
    }
    last_->parts[static_cast<std::size_t>(role.part)] += portion.bytes;
    total_ += portion.bytes;
}

std::vector<LayerResidency> LayerTally::layers() const {
    std::vector<LayerResidency> result;
    result.reserve(layers_.size());
    for (const auto& [key, layer] : layers_) result.push_back(layer);
    return result;
}

}  // namespace ggufmap
