// How much of each part of a model is in the page cache.
//
// Every byte of a file belongs to exactly one region (header with the padding behind it, tensor, padding
// between tensors ...), and bytes are counted, not pages: a page that two tensors share counts for each with
// the bytes it holds of it. So tensors add up to layers and regions to the file, whatever the alignment.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
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
/// What is selected, one by one in file order. Where that is everything: each region of each file, without
/// holes, and tensors without a byte.
GGUFMAP_API void measure_each(const PageCache& cache, const Model& model, const Selection& selection,
                              const std::function<void(const Portion&)>& take);
/// The same as a table, which takes 18 MB for 100,000 tensors.
GGUFMAP_API std::vector<Portion> measure(const PageCache& cache, const Model& model,
                                         const Selection& selection = {});

/// A layer, or (without a number) all that belongs to none. In bytes.
struct LayerResidency {
    std::string_view stack;
    std::optional<std::uint32_t> layer;
    std::array<CacheCounts, part_count> parts{};

    GGUFMAP_API CacheCounts total() const;
    const CacheCounts& operator[](Part part) const { return parts[static_cast<std::size_t>(part)]; }
};

/// Adds portions up by layer, and all of them.
class GGUFMAP_API LayerTally {
public:
    LayerTally() = default;
    explicit LayerTally(std::span<const Portion> portions);
    LayerTally(const LayerTally&) = delete;
    LayerTally& operator=(const LayerTally&) = delete;

    void add(const Portion& portion);

    const CacheCounts& total() const { return total_; }
    /// What belongs to no layer first, then the layers by stack and number.
    std::vector<LayerResidency> layers() const;

private:
    using Key = std::pair<std::string_view, std::optional<std::uint32_t>>;
    std::map<Key, LayerResidency> layers_;
    LayerResidency* last_ = nullptr;  // that was added to: those of a layer come together
    CacheCounts total_{0, 0, 0, 0, 0, 0};
};

}  // namespace ggufmap
