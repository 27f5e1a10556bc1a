#include "gguf-shard/shard.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <memory>

#include "common/models.hpp"
#include "common/numbers.hpp"
#include "common/report.hpp"
#include "common/standard_options.hpp"
#include "common/tar.hpp"
#include "common/transfer.hpp"
#include "gguf-shard/report.hpp"
#include "gguf-shard/settings.hpp"
#include "ggufmap/consume.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/resume.hpp"
#include "ggufmap/shard_stream.hpp"

namespace ggufmap::shard {
namespace {

/// A plan and the files that it refers to, which stay where they are when the job moves.
struct Job {
    std::optional<Model> model;
    std::unique_ptr<const File> file;
    ShardPlan plan;
    ShardRun run;
};

void choose_reflink(Job& job, Settings& settings, const File& source) {
    if (settings.reflink == Reflink::never) return;
    const auto block = clone_block(source, *OutputDirectory::open(split_path(settings.prefix).directory));
    if (settings.reflink == Reflink::always) {
        if (!block)
            throw Error(ErrorKind::io, {source.name()}, "cannot share extents with the place of the shards");
        settings.cut.congruent_block = *block;
        settings.cut.congruent_from = 1;
        job.run.reflink = Reflink::always;
    } else if (block) {
        const std::uint64_t agrees = settings.raw ? settings.raw_size : settings.cut.congruent_block;
        if (agrees != 0 && agrees % *block == 0) job.run.reflink = Reflink::automatic;
    }
}

/// Nothing where the model has been consumed already.
std::optional<Job> make_job(Settings& settings, const cli::Io& io) {
    Job job;
    const Places places = cli::places_from(io);
    if (settings.raw || settings.consume) {
        const std::string path = resolve_model(settings.model, places);
        std::optional<File> file = settings.consume ? open_consumed(path, settings.resume) : File::open(path);
        if (!file) return std::nullopt;
        if (settings.raw) {
            job.file = std::make_unique<const File>(std::move(*file));
        } else {
            job.model = Model::from(std::move(*file));
        }
    } else {
        job.model = Model::open(settings.model, places);
    }
    const File& source = settings.raw ? *job.file : job.model->shards().front().file;
    choose_reflink(job, settings, source);
    job.plan = settings.raw ? plan_raw_pieces(source, settings.prefix, settings.raw_size)
                            : plan_shards(*job.model, settings.prefix, settings.cut);
    const std::size_t count = job.plan.shards.size();
    if (settings.only) {
        settings.only->check(count);
        job.run.only = [only = *settings.only, count](std::size_t index) {
            return only.includes(index, count);
        };
    }
    job.run.checksums = settings.checksums.value_or(job.run.reflink == Reflink::never);
    job.run.output = settings.output;
    job.run.jobs = settings.jobs;
    return job;
}

std::uint64_t bytes_to_write(const Job& job) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < job.plan.shards.size(); ++i)
        if (!job.run.only || job.run.only(i)) sum += job.plan.shards[i].size;
    return sum;
}

void warn_of_oversized(const Job& job, const Settings& settings, const cli::Args& args, cli::Io& io) {
    if (settings.quiet) return;
    for (std::size_t i = 0; i < job.plan.shards.size(); ++i) {
        const PlannedShard& shard = job.plan.shards[i];
        if (!shard.oversized || (job.run.only && !job.run.only(i))) continue;
        cli::say(args, io,
                 fmt::format("{}: warning: {} bytes, over --size: a tensor (or the metadata) alone is larger",
                             shard.name, shard.size));
    }
}

/// Before the first byte. Of a run that is gone on with, the journal says what may be there already.
void require_possible(const Job& job, const Settings& settings) {
    if (settings.tar) return;
    if (settings.consume) return require_consumable(job.plan, job.run, settings.resume);
    if (!settings.resume || !is_begun(settings.prefix)) require_runnable(job.plan, job.run);
}

ShardResult send_tar(const Job& job, cli::Io& io, ggufmap::Progress& progress) {
    if (io.terminal(cli::Stream::out).present)
        throw Error(ErrorKind::usage, {}, "--tar: standard output is a terminal");
    cli::TarWriter tar(io.output_fd(), "standard output", stream_layout(job.plan));
    ShardResult result = send(job.plan, job.run.checksums, tar, progress);
    tar.close();
    return result;
}

cli::Status end_of_consumed(const Settings& settings) {
    if (finish_consumed(settings.prefix)) return cli::Status::ok;
    throw Error(ErrorKind::io, {settings.model},
                "is not there, nor is the journal of a run that has consumed it", ENOENT);
}

/// A signal ends a tool without a word; here it must not.
ShardResult consume_told(const Job& job, const Settings& settings, const cli::Args& args, cli::Io& io,
                         ggufmap::Progress& progress) {
    try {
        return consume(job.plan, job.run, settings.resume, progress);
    } catch (const Error& error) {
        if (io.stop_signal() != 0 && is_begun(settings.prefix)) cli::say(args, io, error.what());
        throw;
    }
}

ShardResult carry_out(const Job& job, const Settings& settings, const cli::Args& args, cli::Io& io,
                      ggufmap::Progress& progress) {
    if (settings.tar) return send_tar(job, io, progress);
    if (settings.consume) return consume_told(job, settings, args, io, progress);
    if (settings.resume) return run_resumably(job.plan, job.run, progress);
    return run(job.plan, job.run, progress);
}

cli::Status work(const cli::Args& args, cli::Io& io) {
    Settings settings = Settings::from(args);
    const auto style = cli::Style::from(args);
    const std::optional<Job> made = make_job(settings, io);
    if (!made) return end_of_consumed(settings);
    const Job& job = *made;
    warn_of_oversized(job, settings, args, io);
    if (settings.dry_run) print(job.plan, job.run.only, nullptr, style, io);
    require_possible(job, settings);
    if (settings.dry_run) return cli::Status::ok;
    ShardResult result;
    {
        cli::Transfer transfer(io, settings.quiet, "sharding " + settings.model, bytes_to_write(job));
        result = carry_out(job, settings, args, io, transfer);
    }
    if (style.format != cli::Format::table && !settings.tar)
        print(job.plan, job.run.only, &result, style, io);
    return cli::Status::ok;
}

}  // namespace

const cli::Tool& shard_tool() {
    using namespace cli;
    static const Tool tool(
        "gguf-shard", "[OPTION]... MODEL", "cut a GGUF model into shards that llama.cpp loads",
        {
            {"", {option::model()}},
            {"Cutting",
             {value("--size", "SIZE", "largest shard, header included (default 512M)"),
              value("--tensors", "N", "at most N tensors a shard"),
              value("--per", "WHAT", "a shard for each of these").choose({"layer", "tensor", "expert-layer"}),
              flag("--header-first", "no tensors in the first shard"),
              flag("--raw", "pieces of --size bytes, which cat restores, of any file")}},
            {"Writing",
             {flag("--tar", "send shards and list as a tar stream to standard output"),
              value("-o,--output", "PREFIX", "beginning of the names (default: the model's name)").files(),
              value("--only", "K", "write just shard K, shards K-M, or share K/N of the set"),
              value("--reflink", "WHEN", "share extents with the model (default auto)")
                  .choose({"auto", "always", "never"}),
              flag("--consume", "free the model as its shards become durable; needs --force"),
              flag("--resume", "keep what is done when this ends early; go on with it"),
              flag("--checksums", "write PREFIX.xxh128 also where extents are shared"),
              flag("--no-checksums", "do not write PREFIX.xxh128"),
              value("-j,--jobs", "N", "threads that copy (default 1)"),
              flag("--keep-cache", "leave what was written in the page cache"),
              flag("--no-sync", "do not wait until it is on disk"), option::force(), option::dry_run(),
              option::quiet()}},
            option::output_formats(),
        });
    return tool;
}

int shard(std::span<const std::string> arguments, cli::Io& io) {
    return cli::run(shard_tool(), arguments, io, [&](const cli::Args& args) { return work(args, io); });
}

}  // namespace ggufmap::shard
