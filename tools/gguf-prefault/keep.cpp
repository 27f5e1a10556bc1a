// --hold, --lock, --lock-onfault: what was brought in stays.
#include <fmt/format.h>

#include <condition_variable>
#include <mutex>

#include "common/tool.hpp"
#include "gguf-prefault/job.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/lock.hpp"

namespace ggufmap::prefault_tool {

bool locks(const cli::Args& args) { return args.has("--lock") || args.has("--lock-onfault"); }

bool keeps(const cli::Args& args) { return locks(args) || args.has("--hold"); }

bool may_lock(const Job& job) {
    std::uint64_t bytes = 0;
    for (const Target& target : job.targets) {
        for (const ShardRange& one : target.wanted) bytes += page_cover(one.range, page_size()).size;
    }
    const auto obstacles = lock_obstacles(lock_limits(), bytes);
    for (const LockObstacle& obstacle : obstacles)
        cli::say(job.args, job.io, fmt::format("cannot lock: {}; {}", obstacle.reason, obstacle.fix));
    return obstacles.empty();
}

bool keep(const Job& job) {
    bool all = true;
    for (const Target& target : job.targets) {
        for (const ShardRange& one : target.wanted) {
            try {
                if (job.args.has("--huge")) target.mapping.advise(one, Advice::huge_pages);
                if (job.args.has("--lock-onfault"))
                    target.mapping.lock_on_fault(one);
                else if (job.args.has("--lock"))
                    target.mapping.lock(one);
                else
                    target.mapping.verify(one);
            } catch (const Error& error) {
                cli::say(job.args, job.io, error.what());
                all = false;
            }
        }
    }
    return all;
}

void wait_for_signal(cli::Io& io) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    stopped.wait(lock, io.stop_token(), [] { return false; });
}

}  // namespace ggufmap::prefault_tool
