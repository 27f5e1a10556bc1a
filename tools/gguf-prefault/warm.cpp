#include "gguf-prefault/warm.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cmath>

#include "common/numbers.hpp"
#include "common/tool.hpp"
#include "common/transfer.hpp"
#include "gguf-prefault/document.hpp"
#include "gguf-prefault/job.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/residency.hpp"

namespace ggufmap::prefault_tool {
namespace {

using cli::Shows;
using cli::Status;

constexpr std::uint64_t least_chunk = 64 << 10;
constexpr std::uint64_t most_chunk = 1ULL << 30;
constexpr std::uint64_t most_jobs = 64;

PrefaultOptions options_from(const cli::Args& args) {
    PrefaultOptions options;
    options.way = *parse_warm_way(args.text("--strategy").value_or("auto"));
    options.jobs = static_cast<unsigned>(args.number("--jobs", {1, most_jobs}).value_or(0));
    options.chunk = args.size("--chunk", {least_chunk, most_chunk}).value_or(options.chunk);
    options.rate = rate_from(args);
    options.idle_io = args.has("--idle");
    options.huge_pages = args.has("--huge");
    return options;
}

double seconds(std::chrono::nanoseconds time) {
    return std::round(std::chrono::duration<double>(time).count() * 1000) / 1000;
}

std::optional<double> percent_of(const CacheCounts& bytes) {
    if (!bytes.resident) return std::nullopt;
    if (bytes.total == 0) return 100;
    return 100.0 * static_cast<double>(*bytes.resident) / static_cast<double>(bytes.total);
}

struct Warmed {
    PrefaultPlan plan;
    PrefaultResult result;
};

Warmed warm_one(const Job& job, const Target& target, const PrefaultOptions& options) {
    Warmed warmed{plan_prefault(job.cache, target.model(), target.wanted), {}};
    if (job.args.has("--lock-onfault")) return warmed;
    cli::Transfer transfer(job.io, job.quiet, "warming " + target.model().name(),
                           warmed.plan.missing_bytes());
    warmed.result = prefault(target.model(), warmed.plan, options, transfer);
    return warmed;
}

// As whoever is to use the model will open it: FUSE without kernel_cache drops the pages then.
CacheCounts count_after_opening(const Job& job, const Target& target) {
    for (const Shard& shard : target.model().shards())
        static_cast<void>(shard.file.reopen(O_RDONLY | O_CLOEXEC));
    return count_ranges(job.cache, target.model(), target.wanted);
}

const char* why_not_all(const Target& target, const CacheCounts& after) {
    std::uint64_t written = 0;
    for (const ShardRange& one : without_holes(target.model(), target.wanted)) written += one.range.size;
    return written < after.total && *after.resident >= written
               ? "the rest are holes that no data was written to"
               : "the rest was evicted again, or its file system keeps no pages";
}

Status verify(const Job& job, const Target& target, const CacheCounts& after) {
    const auto tell = [&](const std::string& text) {
        cli::say(job.args, job.io, fmt::format("{}: {}", target.model().name(), text));
    };
    const auto wanted = job.args.percent("--verify");
    const auto percent = percent_of(after);
    if (!percent) {
        if (wanted)
            tell("--verify: residency unknown: the kernel tells only who may write the file or owns it");
        return wanted ? Status::trouble : Status::ok;
    }
    const bool enough = *percent >= wanted.value_or(0);
    if ((!enough || *percent < 100) && !job.quiet && !job.args.has("--lock-onfault"))
        tell(fmt::format("{} of {} are resident: {}", cli::human_size(*after.resident),
                         cli::human_size(after.total), why_not_all(target, after)));
    return enough ? Status::ok : Status::no;
}

void tell_pauses(const Job& job, const Target& target, const PrefaultResult& result) {
    if (job.quiet || result.held_back == std::chrono::nanoseconds(0)) return;
    cli::say(job.args, job.io,
             fmt::format("{}: paused for {:.1f} s, because this machine was short of memory",
                         target.model().name(), std::chrono::duration<double>(result.held_back).count()));
}

Document document_for(const Job& job) {
    std::vector<cli::Column> columns = {{"model", "MODEL"},
                                        {"selected", "SELECTED", Shows::size},
                                        {"left_out", "LEFT OUT", Shows::size},
                                        {"was_resident", "WAS RESIDENT", Shows::size},
                                        {"read", "READ", Shows::size},
                                        {"resident", "RESIDENT", Shows::size},
                                        {"percent", "%", Shows::percent},
                                        {"seconds", "SECONDS", Shows::number}};
    if (locks(job.args)) columns.push_back({"locked", "LOCKED", Shows::size});
    if (job.args.has("--huge") && keeps(job.args)) columns.push_back({"huge", "HUGE PAGES", Shows::size});
    return Document(job.io, job.style, {{"models", std::move(columns), true}});
}

}  // namespace

std::optional<std::uint64_t> rate_from(const cli::Args& args) {
    auto text = args.text("--rate");
    if (!text) return std::nullopt;
    if (text->ends_with("/s")) text->resize(text->size() - 2);
    const auto rate = cli::parse_size(*text);
    if (!rate || *rate == 0)
        throw Error(ErrorKind::usage, {},
                    fmt::format("--rate: '{}' is no rate, wanted for example 200M/s", *args.text("--rate")));
    return rate;
}

cli::Status warm(Job& job) {
    const PrefaultOptions options = options_from(job.args);
    if (locks(job.args) && !may_lock(job)) return Status::trouble;
    std::vector<Warmed> warmed;
    for (const Target& target : job.targets) {
        warmed.push_back(warm_one(job, target, options));
        tell_pauses(job, target, warmed.back().result);
    }
    Status status = keeps(job.args) && !keep(job) ? Status::trouble : Status::ok;
    Document document = document_for(job);
    for (std::size_t i = 0; i < warmed.size(); ++i) {
        const Target& target = job.targets[i];
        const auto& [plan, result] = warmed[i];
        const CacheCounts after = count_after_opening(job, target);
        const auto percent = percent_of(after);
        std::vector<cli::Cell> cells = {target.model().name(),
                                        after.total,
                                        target.left_out,
                                        cli::or_unknown(plan.before.resident),
                                        result.bytes,
                                        cli::or_unknown(after.resident),
                                        percent ? cli::Cell(*percent) : cli::Cell(),
                                        seconds(result.elapsed)};
        const MappingStats stats = keeps(job.args) ? target.mapping.stats() : MappingStats();
        if (locks(job.args)) cells.push_back(cli::or_unknown(stats.locked));
        if (job.args.has("--huge") && keeps(job.args)) cells.push_back(cli::or_unknown(stats.huge));
        document.row(0, std::move(cells));
        status = cli::worst(status, verify(job, target, after));
    }
    if (!job.quiet) document.finish();
    job.io.flush();
    if (keeps(job.args)) wait_for_signal(job);
    return status;
}

}  // namespace ggufmap::prefault_tool
