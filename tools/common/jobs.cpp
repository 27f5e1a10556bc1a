#include "common/jobs.hpp"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <optional>

namespace ggufmap::cli {
namespace {

constexpr std::uint64_t most_jobs = 256;

// Quota over period of our own control group as a container sees it; nothing where there is no limit.
std::optional<double> control_group_cores() {
    std::ifstream v2("/sys/fs/cgroup/cpu.max");  // "200000 100000", "max 100000"
    double quota = 0;
    double period = 0;
    if (v2 >> quota >> period && period > 0) return quota / period;
    std::ifstream v1_quota("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");  // -1: none
    std::ifstream v1_period("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
    if (v1_quota >> quota && v1_period >> period && quota > 0 && period > 0) return quota / period;
    return std::nullopt;
}

}  // namespace

unsigned jobs_from(const Args& args) {
    if (const auto jobs = args.number("--jobs", {1, most_jobs})) return static_cast<unsigned>(*jobs);
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    int cores = ::sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
    if (const auto limit = control_group_cores())
        cores = std::min(cores, std::max(1, static_cast<int>(*limit + 0.5)));
    return static_cast<unsigned>(std::clamp<std::uint64_t>(static_cast<std::uint64_t>(cores), 1, most_jobs));
}

}  // namespace ggufmap::cli
