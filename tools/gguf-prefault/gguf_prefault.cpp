#include "gguf-prefault/gguf_prefault.hpp"

#include "common/transfer.hpp"
#include "gguf-prefault/job.hpp"
#include "gguf-prefault/keep_models.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap::prefault_tool {
namespace {

void check(const cli::Args& args) {
    args.at_most_one_of({"--evict", "--hold", "--lock", "--lock-onfault"});
    args.at_most_one_of({"--evict", "--dry-run"});
    args.at_most_one_of({"--evict", "--verify"});
    args.at_most_one_of({"--evict", "--budget"});
}

// Of a model or a set of models, never both.
void check_models(const cli::Args& args) {
    args.at_most_one_of({"--config", "--status", "MODEL"});
    if (!args.has("--config") && !args.has("--status") && !args.has("MODEL"))
        throw Error(ErrorKind::usage, {}, "MODEL is missing");
    for (const char* option : {"--config", "--status"})
        args.refuse_beside(option, {"--layer", "--tensor", "--part", "--expert", "--ranges", "--budget",
                                    "--strategy", "--jobs", "--chunk", "--rate", "--idle", "--verify",
                                    "--dry-run", "--lock", "--lock-onfault", "--hold", "--evict", "--huge"});
    if (args.has("--once") && !args.has("--config"))
        throw Error(ErrorKind::usage, {}, "--once: one round of what? Give --config FILE");
}

cli::Status work(const cli::Args& args, cli::Io& io) {
    if (args.has("--config")) return keep_models(args, io);
    if (args.has("--status")) return show_status(args, io);
    const KernelPageCache cache;
    const KernelProcessTable processes;
    Job job{args, io, cli::Style::from(args), cache, processes, {}, args.has("--quiet")};
    const cli::Status opened = open_targets(job);
    if (job.targets.empty()) return opened;
    if (args.has("--dry-run")) return cli::worst(opened, show_plan(job));
    return cli::worst(opened, args.has("--evict") ? let_go(job) : warm(job));
}

}  // namespace

int gguf_prefault(std::span<const std::string> arguments, cli::Io& io) {
    return cli::run(option_table(), arguments, io, [&](const cli::Args& args) {
        check_models(args);
        check(args);
        cli::allow_many_open_files();
        return work(args, io);
    });
}

}  // namespace ggufmap::prefault_tool
