#include "gguf-residency/hot.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "ggufmap/prefault.hpp"
#include "ggufmap/select.hpp"

namespace ggufmap::residency {
namespace {

// Bytes of `where` that lie in `kept`, which is sorted and disjoint.
std::uint64_t bytes_in(const std::vector<ShardRange>& kept, const ShardRange& where) {
    auto one = std::partition_point(kept.begin(), kept.end(), [&](const ShardRange& candidate) {
        return candidate.shard < where.shard ||
               (candidate.shard == where.shard && candidate.range.end() <= where.range.offset);
    });
    std::uint64_t bytes = 0;
    for (; one != kept.end() && one->shard == where.shard && one->range.offset < where.range.end(); ++one)
        bytes += intersection(one->range, where.range).size;
    return bytes;
}

struct Filling {
    std::uint64_t bytes = 0;
    std::uint64_t hot = 0;
    bool whole() const { return hot == bytes; }
};

}  // namespace

std::vector<HotPart> hot_parts(const PageCache& cache, const Model& model, std::uint64_t budget) {
    const std::vector<ShardRange> kept = within_budget(cache, model, {}, budget);
    std::map<Part, Filling> parts;
    std::map<Part, std::map<std::uint32_t, Filling>> layers;
    for (const Selected& selected : Selection().of(model)) {
        Role role;
        role.part = Part::header;
        if (selected.tensor != nullptr) role = role_of(selected.tensor->info->name);
        const std::uint64_t hot = bytes_in(kept, selected.where);
        for (Filling* filling : {&parts[role.part], role.layer ? &layers[role.part][*role.layer] : nullptr}) {
            if (filling == nullptr) continue;
            filling->bytes += selected.where.range.size;
            filling->hot += hot;
        }
    }
    std::vector<HotPart> result;
    for (const auto& [part, filling] : parts) {
        HotPart one{part, filling.bytes, filling.hot, std::nullopt};
        for (const auto& [layer, inside] : layers[part]) {
            if (filling.whole() || !inside.whole()) break;
            one.last_whole_layer = layer;
        }
        result.push_back(one);
    }
    return result;
}

std::string in_words(const std::vector<HotPart>& parts) {
    std::vector<std::string> words;
    for (const HotPart& one : parts) {
        const std::string_view name = name_of(one.part);
        if (one.hot == 0) continue;
        if (one.hot == one.bytes)
            words.emplace_back(name);
        else if (one.last_whole_layer)
            words.push_back(*one.last_whole_layer == 0
                                ? fmt::format("{} of layer 0", name)
                                : fmt::format("{} of layers 0-{}", name, *one.last_whole_layer));
        else if (const double percent = 100.0 * static_cast<double>(one.hot) / static_cast<double>(one.bytes);
                 percent >= 0.5)
            words.push_back(fmt::format("{:.0f} % of {}", percent, name));
    }
    return fmt::format("{}", fmt::join(words, ", "));
}

}  // namespace ggufmap::residency
