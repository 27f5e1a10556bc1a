// --evict: what is selected leaves memory, and who keeps the rest there is named.
#include <fmt/format.h>

#include "common/tool.hpp"
#include "gguf-prefault/document.hpp"
#include "gguf-prefault/job.hpp"
#include "ggufmap/evict.hpp"

namespace ggufmap::prefault_tool {

using cli::Shows;
using cli::Status;

namespace {

// No process that we can see holds it: one that we cannot see may.
Status tell_why_it_stayed(const Job& job, const Target& target, const EvictResult& result) {
    std::string why;
    Status status = Status::ok;
    if (page_home(target.model().shards().front().file) != PageHome::disk) {
        why = "its file system is in memory: it can be removed, not evicted";
    } else if (!result.all_seen) {
        why = "other processes could not be looked at; the host's root would see them";
        if (result.stayed != 0) status = Status::no;
    }
    if (!why.empty() && !job.quiet) cli::say(job.args, job.io, target.model().name() + ": " + why);
    return status;
}

}  // namespace

cli::Status let_go(Job& job) {
    const bool from_processes = job.args.text("--evict") == "mapped";
    Document document(job.io, job.style,
                      {{"models",
                        {{"model", "MODEL"},
                         {"selected", "SELECTED", Shows::size},
                         {"was_resident", "WAS RESIDENT", Shows::size},
                         {"resident", "STILL RESIDENT", Shows::size}},
                        true},
                       {"holders",
                        {{"model", "MODEL"},
                         {"pid", "HELD BY", Shows::number},
                         {"command", "COMMAND"},
                         {"bytes", "BYTES", Shows::size},
                         {"locked", "LOCKED", Shows::size}}}});
    Status status = Status::ok;
    for (const Target& target : job.targets) {
        const EvictResult result =
            evict(job.cache, job.processes, target.model(), target.wanted, from_processes);
        document.row(0, {target.model().name(), result.before.total, cli::or_unknown(result.before.resident),
                         cli::or_unknown(result.after.resident)});
        for (const Holder& holder : result.holders) {
            document.row(1, {target.model().name(), static_cast<std::uint64_t>(holder.pid), holder.command,
                             cli::or_unknown(holder.bytes), cli::or_unknown(holder.locked)});
            status = Status::no;
            if (holder.refused)
                cli::say(job.args, job.io,
                         fmt::format("not permitted to page out process {} ({}): needs CAP_SYS_NICE and the "
                                     "right to trace it",
                                     holder.pid, holder.command));
        }
        if (result.holders.empty() && result.after.resident != std::uint64_t{0})
            status = cli::worst(status, tell_why_it_stayed(job, target, result));
    }
    if (!job.quiet) document.finish();
    return status;
}

}  // namespace ggufmap::prefault_tool
