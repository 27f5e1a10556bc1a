// The threads that carry out a PrefaultPlan.
#include <algorithm>
#include <cerrno>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "detail/device.hpp"
#include "detail/huge_page.hpp"
#include "detail/pace.hpp"
#include "detail/warmer.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/prefault.hpp"

namespace ggufmap {
namespace {

using detail::huge_page;
using Clock = std::chrono::steady_clock;

// Twice the readahead window of disks that are tuned for streaming (8 MiB): that far before the end of what
// is wanted, the kernel may already read what is not.
constexpr std::uint64_t reach = 32 << 20;
// Less than this is not worth a thread. A thread costs 0.05 ms; one alone waits for each of its huge pages,
// about 1 ms, while the device could read several.
constexpr std::uint64_t least_share = 8 << 20;
constexpr unsigned threads_for_flash = 4;
constexpr auto look_at_pressure_every = std::chrono::milliseconds(200);
constexpr auto look_at_stop_every = std::chrono::milliseconds(50);

struct Stretch {
    ShardRange where;
    bool exact;  // nothing behind it may be read; in folios of 2 MiB
};

// How far what is wanted goes on behind `range`; beyond the end of the file for one that reaches it.
std::uint64_t wanted_until(const PrefaultPlan& plan, const File& file, const ShardRange& missing) {
    const auto behind =
        std::partition_point(plan.wanted.begin(), plan.wanted.end(), [&](const ShardRange& one) {
            return one.shard < missing.shard ||
                   (one.shard == missing.shard && one.range.offset < missing.range.end());
        });
    if (behind == plan.wanted.begin()) return missing.range.end();
    const std::uint64_t end = std::prev(behind)->range.end();
    return end >= file.size() ? end + reach : std::max(end, missing.range.end());
}

std::vector<Stretch> stretches_of(const Model& model, const PrefaultPlan& plan, bool huge_pages) {
    std::vector<Stretch> stretches;
    for (const ShardRange& missing : plan.missing) {
        const std::uint64_t until = wanted_until(plan, model.shards()[missing.shard].file, missing);
        const std::uint64_t safe = huge_pages ? 0 : until - std::min(until, reach);
        const Range range = missing.range;
        // Off a huge page, exact() would begin with single pages.
        const std::uint64_t border =
            std::clamp(safe >= range.end() ? safe : safe / huge_page * huge_page, range.offset, range.end());
        if (border > range.offset)
            stretches.push_back({{missing.shard, {range.offset, border - range.offset}}, false});
        if (border < range.end())
            stretches.push_back({{missing.shard, {border, range.end() - border}}, true});
    }
    return stretches;
}

// Contiguous parts of about the same size.
std::vector<std::vector<Stretch>> shares_of(std::vector<Stretch> stretches, std::uint64_t total,
                                            unsigned jobs) {
    const std::uint64_t count = std::clamp<std::uint64_t>(total / least_share, 1, jobs);
    const std::uint64_t size = total / count / huge_page * huge_page + huge_page;
    std::vector<std::vector<Stretch>> shares(1);
    std::uint64_t left = size;
    for (Stretch stretch : stretches) {
        Range& range = stretch.where.range;
        while (range.size > left) {
            const std::uint64_t cut = std::min(
                range.size, (range.offset + left + huge_page - 1) / huge_page * huge_page - range.offset);
            if (cut != 0)
                shares.back().push_back({{stretch.where.shard, {range.offset, cut}}, stretch.exact});
            range = {range.offset + cut, range.size - cut};
            shares.emplace_back();
            left = size;
        }
        if (range.empty()) continue;
        shares.back().push_back(stretch);
        left -= range.size;
    }
    return shares;
}

// Bytes that are brought in at once: where there is a rate, no more than it allows in a tenth of a second.
std::uint64_t step_of(const PrefaultOptions& options) {
    constexpr std::uint64_t least = 64 << 10;
    if (!options.rate) return options.chunk;
    return std::min(options.chunk, std::max(least, *options.rate / 10 / least * least));
}

class Run {
public:
    Run(const Model& model, const PrefaultOptions& options, std::size_t threads, Progress& progress)
        : model_(model),
          options_(options),
          threads_(threads),
          step_(step_of(options)),
          progress_(progress),
          pace_(options.rate) {}

    void work(const std::vector<Stretch>& share) try {
        if (options_.idle_io) detail::use_idle_io();
        std::optional<detail::Warmer> warmer;
        std::uint32_t shard = 0;
        for (const auto& [where, exact] : share) {
            if (!warmer || shard != where.shard) {
                const auto open = [&, of = where.shard] {
                    warmer.emplace(model_.shards()[of].file, options_.way, threads_);
                };
                options_.opening ? options_.opening(open) : open();
            }
            shard = where.shard;
            for (Range rest = where.range; !rest.empty();) {
                const Range step{rest.offset, std::min(rest.size, step_)};
                if (!may_go_on(step.size)) return;
                exact ? warmer->exact(step) : warmer->stream(step);
                done(step.size);
                rest = {step.end(), rest.size - step.size};
            }
        }
    } catch (...) {
        const std::scoped_lock lock(mutex_);
        if (!failure_) failure_ = std::current_exception();
    }

    PrefaultResult result() const {
        if (failure_) std::rethrow_exception(failure_);
        return {bytes_, {}, pace_.held_back()};
    }

private:
    // Waits until the next step may begin; false when the run is over.
    bool may_go_on(std::uint64_t bytes) {
        std::unique_lock lock(mutex_);
        look_at_pressure();
        const auto start = pace_.reserve(Clock::now(), bytes);
        for (;;) {
            if (progress_.stop_requested()) throw Error(ErrorKind::io, {}, "interrupted", EINTR);
            if (failure_) return false;
            const auto now = Clock::now();
            if (now >= start) return true;
            lock.unlock();
            std::this_thread::sleep_for(std::min<Clock::duration>(start - now, look_at_stop_every));
            lock.lock();
        }
    }

    void look_at_pressure() {
        const auto now = Clock::now();
        if (now - looked_ < look_at_pressure_every) return;
        looked_ = now;
        const auto pressure = read_pressure("memory", options_.roots);
        if (pressure) pace_.observe(now, pressure->some_total_us);
    }

    void done(std::uint64_t bytes) {
        const std::scoped_lock lock(mutex_);
        bytes_ += bytes;
        progress_.add(bytes);
    }

    const Model& model_;
    const PrefaultOptions& options_;
    std::size_t threads_;
    std::uint64_t step_;
    Progress& progress_;
    std::mutex mutex_;
    detail::Pace pace_;
    Clock::time_point looked_{};
    std::uint64_t bytes_ = 0;
    std::exception_ptr failure_;
};

unsigned jobs_for(const Model& model, const PrefaultPlan& plan, const PrefaultOptions& options) {
    if (options.jobs != 0) return options.jobs;
    const File& file = model.shards()[plan.missing.front().shard].file;
    return detail::rotates(file.identity().device, options.roots) ? 1 : threads_for_flash;
}

}  // namespace

PrefaultResult prefault(const Model& model, const PrefaultPlan& plan, const PrefaultOptions& options,
                        Progress& progress) {
    if (plan.missing.empty()) return {};
    const auto begin = Clock::now();
    const auto shares = shares_of(stretches_of(model, plan, options.huge_pages), plan.missing_bytes(),
                                  jobs_for(model, plan, options));
    Run run(model, options, shares.size(), progress);
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 1; i < shares.size(); ++i)
            threads.emplace_back([&run, &share = shares[i]] { run.work(share); });
        // idle_io would stay with the caller's thread.
        if (options.idle_io)
            threads.emplace_back([&] { run.work(shares.front()); });
        else
            run.work(shares.front());
    }
    PrefaultResult result = run.result();
    result.elapsed = Clock::now() - begin;
    return result;
}

}  // namespace ggufmap
