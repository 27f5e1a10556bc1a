// Locking piece by piece, with a look at the memory that is left before each.
#include <algorithm>
#include <vector>

#include "detail/huge_page.hpp"
#include "ggufmap/lock.hpp"

namespace ggufmap {
namespace {

using detail::huge_page;

// The kernel counts a locked folio as unevictable at once only where one call locks all of it (mm/mlock.c,
// allow_mlock_munlock). Those of the page cache are 2 MiB at most, and aligned in the file.
constexpr std::uint64_t most_at_once = 4 * huge_page;
constexpr std::uint64_t least_at_once = huge_page;
// Where less is left, the smaller pieces: what others take during one is seen only after it.
constexpr std::uint64_t little = 1 << 30;

// What is left, look by look.
class Room {
public:
    explicit Room(const std::function<LockLimits()>& look) : look_(look) {}

    const LockLimits& look() {
        limits_ = look_();
        auto& groups = limits_.memory.cgroups;
        if (kept_.empty()) {
            for (const CgroupMemory& group : groups) kept_.push_back(kept(group));
        }
        // Folios that were cut still count as reclaimable: what has been locked here is known better.
        for (std::size_t i = 0; i < std::min(groups.size(), kept_.size()); ++i) {
            const std::uint64_t now = std::max(kept(groups[i]), kept_[i] + taken_);
            groups[i].reclaimable = groups[i].usage - std::min(groups[i].usage, now);
        }
        return limits_;
    }
    // Bytes of the next piece.
    std::uint64_t piece() const {
        std::uint64_t left = limits_.memory.host.available;
        for (const CgroupMemory& group : limits_.memory.cgroups)
            left = std::min(left, group.available().value_or(left));
        return left < little ? least_at_once : most_at_once;
    }
    void take(std::uint64_t bytes) { taken_ += bytes; }

private:
    static std::uint64_t kept(const CgroupMemory& group) {
        return group.usage - std::min(group.usage, group.reclaimable);
    }

    const std::function<LockLimits()>& look_;
    LockLimits limits_;
    std::vector<std::uint64_t> kept_;  // by group, at the first look
    std::uint64_t taken_ = 0;          // since then
};

}  // namespace

LockOutcome lock_in_steps(const PageCache& cache, const Model& model, std::span<const ShardRange> ranges,
                          const std::function<void(const ShardRange&)>& lock,
                          const std::function<LockLimits()>& look) {
    LockOutcome outcome;
    Room room(look);
    std::uint64_t allowed = 0;
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        const bool free = lock_need(cache, model, ranges.subspan(i, 1)).memory == 0;
        for (ShardRange rest = ranges[i]; !rest.range.empty();) {
            if (!free && allowed == 0) {
                const LockLimits& limits = room.look();
                const std::uint64_t next = std::min(least_at_once, rest.range.size);
                if (!lock_obstacles(limits, {0, next}).empty()) {
                    const std::uint64_t all = lock_need(cache, model, ranges.subspan(i)).memory;
                    const std::uint64_t done = rest.range.offset - ranges[i].range.offset;
                    outcome.obstacles =
                        lock_obstacles(limits, {0, std::max(next, all - std::min(all, done))});
                    return outcome;
                }
                allowed = room.piece();
            }
            const std::uint64_t most = free ? most_at_once : allowed;
            const std::uint64_t least = (rest.range.offset / huge_page + 1) * huge_page;
            const std::uint64_t cut = std::max(least, (rest.range.offset + most) / huge_page * huge_page);
            const std::uint64_t end = std::min(rest.range.end(), cut);
            const ShardRange piece{rest.shard, {rest.range.offset, end - rest.range.offset}};
            lock(piece);
            outcome.bytes += piece.range.size;
            rest.range = {end, rest.range.end() - end};
            if (free) continue;
            const std::uint64_t pages = page_cover(piece.range, page_size()).size;
            room.take(pages);
            allowed -= std::min(allowed, pages);
        }
    }
    return outcome;
}

}  // namespace ggufmap
