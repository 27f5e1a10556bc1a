// How much of each part of a model is in the page cache.
//
// Every byte of a file belongs to exactly one region (header, tensor, padding ...), and bytes are counted,
// not pages: a page that two tensors share counts for each with the bytes it holds of it. So tensors add up
// to layers and regions to the file, whatever the alignment.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ggufmap/export.hpp"
#include "ggufmap/layout.hpp"
#include "ggufmap/model.hpp"
#include "ggufmap/pagecache.hpp"
#include "ggufmap/select.hpp"

namespace ggufmap {

/// Counts the bytes of each of `ranges` as count_bytes() does. They must be sorted by offset. Neighbours
/// below 64 KiB are asked for together: 100,000 tensors of 1 KiB that are all resident, or all absent, cost
/// 60 calls.
GGUFMAP_API std::vector<CacheCounts> count_each(const PageCache& cache, const File& file,
                                                std::span<const Range> ranges);

/// The sum over ranges of several files.
GGUFMAP_API CacheCounts count_ranges(const PageCache& cache, const Model& model,
                                     std::span<const ShardRange> ranges);

/// A stretch of a model and how much of it is in memory, in bytes.
struct Portion {
    const Tensor* tensor = nullptr;  ///< null: header, padding, gap or trailing bytes
    Role role;                       ///< of the tensor; the header is a part, too
    ShardRange where;
    std::optional<std::uint64_t> expert;  ///< where the selection named experts: whose slice this is
    CacheCounts bytes;
};
/// What is selected, in file order. Where that is everything: each region of each file, without holes.
GGUFMAP_API std::vector<Portion> measure(const PageCache& cache, const Model& model,
                                         const Selection& selection = {});
/// The same one by one: 100,000 tensors take 14 MB as a table.
GGUFMAP_API void measure_each(const PageCache& cache, const Model& model, const Selection& selection,
                              const std::function<void(const Portion&)>& take);

GGUFMAP_API CacheCounts total_of(std::span<const Portion> portions);

/// A layer, or (without a number) all that belongs to none. In bytes.
struct LayerResidency {
    std::string_view stack;
    std::optional<std::uint32_t> layer;
    std::array<CacheCounts, part_count> parts{};

    GGUFMAP_API CacheCounts total() const;
    const CacheCounts& operator[](Part part) const { return parts[static_cast<std::size_t>(part)]; }
};
/// What belongs to no layer first, then the layers by stack and number.
GGUFMAP_API std::vector<LayerResidency> by_layer(std::span<const Portion> portions);

}  // namespace ggufmap
