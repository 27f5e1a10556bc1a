#include "gguf-prefault/kept_model.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "common/numbers.hpp"
#include "gguf-prefault/budget.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/evict.hpp"
#include "ggufmap/lock.hpp"
#include "ggufmap/residency.hpp"

namespace ggufmap::prefault_tool {

KeptModel::KeptModel(ModelConfig config, Places places, const PageCache& cache, const ProcessTable& processes)
    : config_(std::move(config)), places_(std::move(places)), cache_(cache), processes_(processes) {}

namespace {

// A file that was renamed over the path is another one; so is one that was written to.
bool still_is(const File& file, const struct stat& status) {
    const FileIdentity& known = file.identity();
    return known.device == status.st_dev && known.inode == status.st_ino &&
           known.size == static_cast<std::uint64_t>(status.st_size);
}

// What the model's name stands for is `status`.
bool unchanged(const Model& model, const struct stat& status) {
    const auto& shards = model.shards();
    if (shards.size() == 1) return still_is(shards.front().file, status);
    return std::all_of(shards.begin(), shards.end(), [](const Shard& shard) {
        struct stat now {};
        return ::stat(shard.file.name().c_str(), &now) == 0 && still_is(shard.file, now);
    });
}

}  // namespace

bool KeptModel::refresh() {
    struct stat status {};
    bool there = true;
    try {
        there = ::stat(resolve_model(config_.path, places_).c_str(), &status) == 0;
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::io) throw;
        there = false;
    }
    if (there && mapping_ && unchanged(model(), status)) return false;
    if (!there && !mapping_) return false;
    mapping_.reset();
    wanted_.clear();
    wanted_bytes_ = 0;
    if (!there) return true;
    mapping_ = Mapping::of(Model::open(config_.path, places_, {.headers = ModelOpening::Headers::untouched}),
                           Mapping::Layout::aligned);
    try {
        select();
    } catch (...) {  // layers that it does not have: not to be looked after
        mapping_.reset();
        throw;
    }
    return true;
}

void KeptModel::select() {
    Selection all;
    if (!config_.selections.empty()) {
        std::vector<ShardRange> ranges;
        for (const Selection& selection : config_.selections) {
            for (const ShardRange& one : selection.ranges(model())) ranges.push_back(one);
        }
        all.restrict_to(merged(std::move(ranges)));
    }
    wanted_ = config_.budget
                  ? within_budget(cache_, model(), all, budget_bytes(*config_.budget, available_memory()))
                  : all.ranges(model());
    for (const ShardRange& one : wanted_) wanted_bytes_ += one.range.size;
}

CacheCounts KeptModel::resident() const { return count_ranges(cache_, model(), wanted_); }

std::uint64_t KeptModel::load(Progress& progress, const Opening& opening) {
    const PrefaultPlan plan = plan_prefault(cache_, model(), wanted_);
    const std::uint64_t read = prefault(model(), plan, {.opening = opening}, progress).bytes;
    // It has just been read: nothing beyond it. About a whole file, which splits no mapping.
    for (std::uint32_t i = 0; i < model().shards().size(); ++i)
        mapping_->advise({i, {0, model().shards()[i].file.size()}}, Advice::random);
    std::vector<ShardRange> ranges = without_holes(model(), wanted_);
    for (const ShardRange& one : ranges) mapping_->verify(one);
    if (!config_.rule.lock) return read;
    for (const LockObstacle& obstacle : lock_obstacles(lock_limits(), lock_need(cache_, model(), ranges)))
        throw Error(ErrorKind::io, {config_.name},
                    fmt::format("mapped, not locked: {}; {}", obstacle.reason, obstacle.fix));
    const auto left_out = cut_to_mappings(ranges, mapping_limits());
    LockOutcome outcome =
        lock_in_steps(cache_, model(), ranges, [&](const ShardRange& piece) { mapping_->lock(piece); });
    if (left_out) outcome.obstacles.push_back(*left_out);
    for (const LockObstacle& obstacle : outcome.obstacles)
        throw Error(ErrorKind::io, {config_.name},
                    fmt::format("locked {} only: {}; {}", cli::human_size(outcome.bytes), obstacle.reason,
                                obstacle.fix));
    return read;
}

std::uint64_t KeptModel::let_go() {
    for (const ShardRange& one : wanted_) {
        mapping_->unlock(one);
        mapping_->advise(one, Advice::forget);
    }
    return evict(cache_, processes_, model(), wanted_, false).after.resident.value_or(0);
}

}  // namespace ggufmap::prefault_tool
