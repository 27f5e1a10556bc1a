// --hold, --lock, --lock-onfault: what was brought in stays.
#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "common/numbers.hpp"
#include "common/tool.hpp"
#include "gguf-prefault/job.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/lock.hpp"
#include "ggufmap/residency.hpp"

namespace ggufmap::prefault_tool {

bool locks(const cli::Args& args) { return args.has("--lock") || args.has("--lock-onfault"); }

bool keeps(const cli::Args& args) { return locks(args) || args.has("--hold"); }

bool may_lock(const Job& job) {
    LockNeed need;
    for (const Target& target : job.targets) {
        const LockNeed one =
            lock_need(job.cache, target.model(), without_holes(target.model(), target.wanted));
        need = {need.locked + one.locked, need.memory + one.memory};
    }
    const auto obstacles = lock_obstacles(lock_limits(), need);
    for (const LockObstacle& obstacle : obstacles)
        cli::say(job.args, job.io, fmt::format("cannot lock: {}; {}", obstacle.reason, obstacle.fix));
    return obstacles.empty();
}

namespace {

// What a page's mark for readahead would bring in is nobody's. Advice about the whole of a file splits no
// mapping; it is a hint, and what fails of it changes nothing.
void advise(const Job& job, const Target& target) {
    const auto& shards = target.model().shards();
    for (std::uint32_t i = 0; i < shards.size(); ++i) {
        const ShardRange all{i, {0, shards[i].file.size()}};
        try {
            target.mapping.advise(all, Advice::random);
            if (job.args.has("--huge")) target.mapping.advise(all, Advice::huge_pages);
        } catch (const Error&) {
        }
    }
}

// False where not all could be locked: others have taken the memory since may_lock(), or there are too many
// ranges.
bool lock_model(const Job& job, const Target& target) {
    auto ranges = without_holes(target.model(), target.wanted);
    const auto left_out = cut_to_mappings(ranges, mapping_limits());
    LockOutcome outcome;
    if (job.args.has("--lock")) {
        outcome = lock_in_steps(job.cache, target.model(), ranges,
                                [&](const ShardRange& piece) { target.mapping.lock(piece); });
    } else {
        for (const ShardRange& one : ranges) {
            target.mapping.lock_on_fault(one);
            outcome.bytes += one.range.size;
        }
    }
    if (left_out) outcome.obstacles.push_back(*left_out);
    for (const LockObstacle& obstacle : outcome.obstacles)
        cli::say(job.args, job.io,
                 fmt::format("{}: locked {} only: {}; {}", target.model().name(),
                             cli::human_size(outcome.bytes), obstacle.reason, obstacle.fix));
    return outcome.obstacles.empty();
}

}  // namespace

bool keep(const Job& job) {
    bool all = true;
    for (const Target& target : job.targets) {
        try {
            advise(job, target);
            if (locks(job.args)) {
                all = lock_model(job, target) && all;
            } else {
                for (const ShardRange& one : without_holes(target.model(), target.wanted))
                    target.mapping.verify(one);
            }
        } catch (const Error& error) {
            cli::say(job.args, job.io, error.what());
            all = false;
        }
    }
    return all;
}

namespace {

// True when the signal has come.
bool signal_within(cli::Io& io, std::optional<std::chrono::milliseconds> time) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    const std::stop_token stop = io.stop_token();
    if (time) {
        stopped.wait_for(lock, stop, *time, [] { return false; });
    } else {
        stopped.wait(lock, stop, [] { return false; });
    }
    return stop.stop_requested();
}

// A page is locked once it is mapped here: those that others have brought in are, without reading any, as far
// as there is memory for it.
void map_what_is_there(const Job& job, const Target& target) {
    std::vector<ShardRange> there;
    for (const ShardRange& one : target.wanted) {
        const auto pages = job.cache.map(target.model().shards()[one.shard].file, one.range);
        if (!pages) continue;
        for (const Range range : pages->stretches(true)) {
            const Range inside = intersection(range, one.range);
            if (!inside.empty()) there.push_back({one.shard, inside});
        }
    }
    lock_in_steps(job.cache, target.model(), there,
                  [&](const ShardRange& piece) { target.mapping.verify(piece); });
}

}  // namespace

void wait_for_signal(const Job& job) {
    if (!job.args.has("--lock-onfault")) {
        signal_within(job.io, std::nullopt);
        return;
    }
    constexpr std::chrono::milliseconds often(500);
    // What was there when it was looked at last: asking for each page costs 17 ms a GiB, for their number
    // 0.1.
    std::vector<std::optional<std::uint64_t>> seen(job.targets.size());
    do {
        for (std::size_t i = 0; i < job.targets.size(); ++i) {
            const Target& target = job.targets[i];
            const auto now = count_ranges(job.cache, target.model(), target.wanted).resident;
            if (std::exchange(seen[i], now) != now) map_what_is_there(job, target);
        }
    } while (!signal_within(job.io, often));
}

}  // namespace ggufmap::prefault_tool
