// --dry-run: what would be brought in and how long that would take.
#include <fmt/format.h>

#include "common/numbers.hpp"
#include "common/tool.hpp"
#include "gguf-prefault/document.hpp"
#include "gguf-prefault/job.hpp"
#include "gguf-prefault/warm.hpp"

namespace ggufmap::prefault_tool {
namespace {

using cli::Cell;
using cli::Shows;

cli::Cell expected_seconds(const Job& job, const Target& target, const PrefaultPlan& plan) {
    if (plan.missing.empty()) return 0.0;
    std::optional<double> rate = measure_device(target.model(), plan.missing);
    const auto limit = rate_from(job.args);
    if (limit && (!rate || static_cast<double>(*limit) < *rate)) rate = static_cast<double>(*limit);
    if (!rate) return {};
    return static_cast<double>(plan.missing_bytes()) / *rate;
}

}  // namespace

cli::Status show_plan(Job& job) {
    Document document(
        job.io, job.style,
        {{"models",
          {{"model", "MODEL"},
           {"selected", "SELECTED", Shows::size},
           {"left_out", "LEFT OUT", Shows::size},
           {"was_resident", "RESIDENT", Shows::size},
           {"missing", "MISSING", Shows::size},
           {"ranges", "RANGES", Shows::number},
           {"expected_seconds", "SECONDS", Shows::number}}},
         {"ranges",
          {{"file", "FILE"}, {"offset", "OFFSET", Shows::number}, {"bytes", "BYTES", Shows::size}},
          true}});
    for (const Target& target : job.targets) {
        const PrefaultPlan plan = plan_prefault(job.cache, target.model(), target.wanted);
        document.row(0, {target.model().name(), plan.before.total, target.left_out,
                         cli::or_unknown(plan.before.resident), plan.missing_bytes(),
                         std::uint64_t{plan.missing.size()}, expected_seconds(job, target, plan)});
        for (const ShardRange& one : plan.missing)
            document.row(1,
                         {target.model().shards()[one.shard].file.name(), one.range.offset, one.range.size});
    }
    document.finish();
    return locks(job.args) && !may_lock(job) ? cli::Status::trouble : cli::Status::ok;
}

}  // namespace ggufmap::prefault_tool
