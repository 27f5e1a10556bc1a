// Which bytes are read in which way, decided before the first is read.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ggufmap/bytes.hpp"
#include "ggufmap/model.hpp"
#include "ggufmap/pagecache.hpp"
#include "ggufmap/select.hpp"

namespace ggufmap::detail {

enum class Way {
    cached,  ///< out of the page cache, or by way of it
    direct   ///< from the disk, past it
};

struct Part {
    Range range;
    Way way;
};

/// What was resident when it was asked: once, at the start.
class Residency {
public:
    /// Of the shards that `extents` touch. `all_cached`: read everything by way of the cache, whatever it is.
    Residency(const Model& model, std::span<const ShardRange> extents, const PageCache& cache,
              bool all_cached);

    /// The extent cut where the way changes.
    std::vector<Part> parts(const ShardRange& extent) const;
    /// True when every byte is read out of the cache.
    bool cached(const ShardRange& extent) const;
    /// The stretches of a shard that were not resident.
    const std::vector<Range>& absent(std::uint32_t shard) const { return shards_[shard].absent; }

private:
    struct ShardState {
        std::vector<Range> cached;  // sorted; the rest is read directly
        std::vector<Range> absent;  // sorted, exact to the page
    };
    std::vector<ShardState> shards_;
};

/// A stretch that is read in one go; its extents lie in it in their order.
struct Step {
    std::uint32_t shard;
    Range range;
    Way way;
};

/// Steps for `extents[order[0]]`, `extents[order[1]]`, ...: neighbours become one step, with the padding
/// between them.
std::vector<Step> plan_steps(std::span<const ShardRange> extents, std::span<const std::size_t> order,
                             const Residency& residency);

}  // namespace ggufmap::detail
