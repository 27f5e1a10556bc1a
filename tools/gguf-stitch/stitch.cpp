#include "gguf-stitch/stitch.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "common/jobs.hpp"
#include "common/models.hpp"
#include "common/report.hpp"
#include "common/standard_options.hpp"
#include "common/tar.hpp"
#include "common/transfer.hpp"
#include "gguf-stitch/report.hpp"
#include "gguf-stitch/shared.hpp"
#include "ggufmap/consume.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/huge_pages.hpp"
#include "ggufmap/resume.hpp"
#include "ggufmap/shard_stream.hpp"
#include "ggufmap/shared_memory.hpp"
#include "ggufmap/stitch.hpp"

namespace ggufmap::stitch {
namespace {

/// A pipe: what has gone through cannot be taken back, so a digest that differs is told at the end.
class PipeSink final : public Sink {
public:
    explicit PipeSink(int fd) : fd_(fd) {}
    void write(std::uint64_t, Bytes bytes) override {
        while (!bytes.empty()) {
            const ssize_t done = ::write(fd_, bytes.data(), bytes.size());
            if (done < 0 && errno == EINTR) continue;
            if (done < 0) throw io_error({"standard output"}, "cannot write", errno);
            bytes = bytes.subspan(static_cast<std::size_t>(done));
        }
    }

private:
    int fd_;
};

/// Where the result goes, and how.
struct Target {
    std::string path;  ///< empty: nowhere, only verify; "-": standard output
    bool is_file() const { return !path.empty() && path != "-"; }
    StitchRun run;
};

/// A plain name is one in the mount; with a directory it says itself where the hugetlbfs is.
std::string huge_path(const cli::Args& args) {
    const auto name = args.text("--output");
    const std::string mount = *args.text("--hugetlb");
    if (!name || *name == "-") throw Error(ErrorKind::usage, {}, "--hugetlb: wanted -o NAME");
    if (name->find('/') == name->npos) return (mount.empty() ? first_huge_mount() : mount) + "/" + *name;
    if (!mount.empty())
        throw Error(ErrorKind::usage, {*name}, "--hugetlb: wanted a name in the mount, without directory");
    return *name;
}

Target target_from(const cli::Args& args, const Places& places) {
    Target target;
    target.run.output.replace = args.has("--force");
    target.run.output.keep_cache = args.has("--keep-cache");
    target.run.output.durable = !args.has("--no-sync");
    target.run.verify = !args.has("--no-verify");
    if (args.has("--jobs")) target.run.jobs = cli::jobs_from(args);
    if (args.has("--verify")) return target;
    if (args.has("--hugetlb")) {
        target.path = huge_path(args);
        target.run.output.huge_pages = true;
        target.run.output.keep_cache = true;
        target.run.output.durable = false;
    } else if (const auto name = args.text("--shm")) {
        target.path = resolve_model("shm:" + *name, places);
        target.run.output.keep_cache = true;  // this cache is where the file is
        target.run.output.durable = false;
    } else if (const auto path = args.text("--output")) {
        if (path->empty()) throw Error(ErrorKind::usage, {}, "--output: wanted the name of a file");
        target.path = *path;
    } else {
        throw Error(ErrorKind::usage, {}, "wanted -o OUT, --shm NAME or --verify");
    }
    return target;
}

/// True where every piece of `least` bytes or more lies in its shard where it goes in the result, modulo the
/// block.
bool congruent(const StitchPlan& plan, std::uint64_t block, std::uint64_t least) {
    std::uint64_t offset = 0;
    for (const Piece& piece : plan.pieces) {
        if (piece.source != nullptr && piece.range.size >= least &&
            piece.range.offset % block != offset % block)
            return false;
        offset += piece.range.size;
    }
    return true;
}

// Settled before the run: a result that shares extents is checked after it.
void choose_reflink(const cli::Args& args, const StitchPlan& plan, Target& target) {
    const std::string when = args.text("--reflink").value_or("auto");
    if (when == "never" || args.has("--shm") || args.has("--hugetlb") || !target.is_file()) return;
    const auto directory = OutputDirectory::open(split_path(target.path).directory);
    const auto block = clone_block(*plan.sources().back(), *directory);
    const bool always = when == "always";
    if (block && congruent(plan, *block, always ? 2 * *block : worth_congruence)) {
        target.run.reflink = always ? Reflink::always : Reflink::automatic;
    } else if (always) {
        throw Error(
            ErrorKind::io, {target.path},
            block ? "cannot share extents: data lies elsewhere in the shards than in the result (cut them "
                    "with gguf-shard --reflink always)"
                  : "cannot share extents with the shards");
    }
}

/// What prints no table, or has its standard output for something else.
void refuse_formats(const cli::Args& args, const Target* target) {
    for (const char* format : {"--json", "--tsv", "--null"}) {
        for (const char* silent : {"--tar", "--consume", "--resume", "--shm-rm"})
            args.at_most_one_of({silent, format});
        if (target != nullptr && target->path == "-" && args.has(format) && !args.has("--dry-run"))
            throw Error(ErrorKind::usage, {}, fmt::format("{}: the model goes to standard output", format));
    }
}

void remark(const cli::Args& args, cli::Io& io, const std::string& text) {
    if (!args.has("--quiet")) cli::say(args, io, text);
}

void tell_unlisted(const cli::Args& args, cli::Io& io, const std::vector<std::string>& names) {
    if (names.empty()) return;
    const std::string more = names.size() > 1 ? fmt::format(" and {} more", names.size() - 1) : "";
    remark(args, io, fmt::format("no digest is listed for {}{}: not checked", names.front(), more));
}

void refuse_names(const cli::Args& args) {
    for (const char* alone : {"--tar", "--shm-list", "--shm-rm"})
        if (args.has(alone) && args.has("SHARD"))
            throw Error(ErrorKind::usage, {}, fmt::format("{} takes no SHARD", alone));
}

/// Names of the shards that could not be checked; without a file nothing is written.
std::vector<std::string> stitch_entries(cli::TarReader& tar, const cli::TarReader::Entry& first,
                                        OutputFile* file, ggufmap::Progress& progress) {
    NullSink nowhere;
    std::optional<FileSink> sink;
    if (file != nullptr) sink.emplace(*file);
    Sink& output = sink ? static_cast<Sink&>(*sink) : nowhere;
    StreamStitcher stitcher(output, tar.name(), *first.layout, progress);
    stitcher.add(first.name, first.size, tar);
    while (const auto entry = tar.next()) stitcher.add(entry->name, entry->size, tar);
    return stitcher.finish();
}

/// Shards as they come through a pipe. Nothing is known of them before they are there.
cli::Status stitch_tar(const cli::Args& args, cli::Io& io, const Places& places) {
    const std::string from = *args.text("--tar");
    const Target target = target_from(args, places);
    if (target.path == "-")
        throw Error(ErrorKind::usage, {},
                    "--tar: the model's header comes last: wanted -o FILE, --shm NAME or --verify");
    std::optional<File> file;
    if (from != "-") file = File::open(from);
    cli::TarReader tar(file ? file->fd() : io.input_fd(), from == "-" ? "standard input" : from);

    const auto entry = tar.next();
    if (!entry) throw Error(ErrorKind::malformed, {tar.name()}, "no file in the archive");
    if (!entry->layout)
        throw Error(
            ErrorKind::unsupported, {tar.name(), entry->name},
            "the stream does not tell where the data goes, as gguf-shard --tar does: unpack it first");
    const StreamLayout& layout = *entry->layout;
    if (args.has("--shm")) require_memory(layout.size, target.path);
    std::optional<OutputFile> output;
    if (target.is_file()) {
        std::vector<FileIdentity> inputs;
        if (file) inputs.push_back(file->identity());
        output = OutputFile::create(target.path, target.run.output, inputs);
        output->reserve(layout.size);
    }
    cli::Transfer transfer(io, args.has("--quiet"), "stitching " + tar.name(), layout.size);
    tell_unlisted(args, io, stitch_entries(tar, *entry, output ? &*output : nullptr, transfer));
    if (output) output->commit();
    return cli::Status::ok;
}

std::string consuming_output(const cli::Args& args) {
    for (const char* other : {"--shm", "--verify", "--tar", "--reflink", "--no-sync"})
        args.at_most_one_of({args.has("--consume") ? "--consume" : "--resume", other});
    const auto path = args.text("--output");
    if (!path || *path == "-") throw Error(ErrorKind::usage, {}, "--consume: wanted -o OUT");
    return *path;
}

/// A signal ends a tool without a word; where shards are gone it must not.
void tell_unfinished(const cli::Args& args, cli::Io& io, const Error& error) {
    if (io.stop_signal() != 0 && is_begun(consuming_output(args))) cli::say(args, io, error.what());
}

/// False where there is no --consume to go on with: then the shards are all there.
bool resume(const cli::Args& args, cli::Io& io) {
    cli::Transfer transfer(io, args.has("--quiet"), "stitching", 0);
    try {
        if (resume_consume(consuming_output(args), transfer)) return true;
    } catch (const Error& error) {
        tell_unfinished(args, io, error);
        throw;
    }
    if (args.all("SHARD").empty())
        throw Error(ErrorKind::usage, {consuming_output(args)}, "there is no run to resume");
    return false;
}

cli::Status consume_shards(const cli::Args& args, cli::Io& io, StitchPlan plan) {
    const std::string path = consuming_output(args);
    if (!args.has("--force") && !args.has("--dry-run"))
        throw Error(ErrorKind::usage, {},
                    "--consume removes each shard as it goes: say --force, too, if that is what you want");
    require_consumable(plan, path);
    // Data needs no space of its own but for one shard; a result that exists is not replaced.
    if (args.has("--dry-run")) print(plan, path, nullptr, cli::Style::from(args), io);
    require_runnable(plan, path, {.reflink = Reflink::automatic});
    if (args.has("--dry-run")) return cli::Status::ok;
    const std::uint64_t bytes = plan.listed.empty() ? plan.size : 2 * plan.size;  // checked first
    cli::Transfer transfer(io, args.has("--quiet"), "stitching " + path, bytes);
    try {
        consume(std::move(plan), path, transfer);
    } catch (const Error& error) {
        tell_unfinished(args, io, error);
        throw;
    }
    return cli::Status::ok;
}

cli::Status stitch_resumably(const cli::Args& args, cli::Io& io, const StitchPlan& plan,
                             const Target& target) {
    cli::Transfer transfer(io, args.has("--quiet"), "stitching " + target.path, plan.size);
    run_resumably(plan, target.path, target.run, transfer);
    return cli::Status::ok;
}

cli::Status work(const cli::Args& args, cli::Io& io) {
    args.at_most_one_of({"--resume", "--dry-run"});
    args.at_most_one_of({"--output", "--shm", "--verify", "--shm-list", "--shm-rm"});
    for (const char* other : {"--shm", "--verify", "--shm-list", "--shm-rm", "--consume", "--resume"})
        args.at_most_one_of({"--hugetlb", other});
    for (const char* other : {"--verify", "--tar", "--consume"}) args.at_most_one_of({"--no-verify", other});
    for (const char* other : {"--tar", "--consume"}) args.at_most_one_of({"--jobs", other});
    for (const char* other : {"--consume", "--resume", "--reflink", "--dry-run", "--shm-list", "--shm-rm"})
        args.at_most_one_of({"--tar", other});
    refuse_names(args);
    refuse_formats(args, nullptr);
    const Places places = cli::places_from(io);
    if (args.has("--shm-list")) return list_shared(args, io, places);
    if (const auto name = args.text("--shm-rm")) return remove_shared(*name, args, io, places);
    if (args.has("--tar")) return stitch_tar(args, io, places);
    if (args.has("--resume") && resume(args, io)) return cli::Status::ok;
    auto names = args.all("SHARD");
    std::erase_if(names, [](const std::string& name) { return name.ends_with(checksum_suffix); });  // s-*
    if (names.empty()) throw Error(ErrorKind::usage, {}, "SHARD is missing");
    Target target = target_from(args, places);
    refuse_formats(args, &target);
    const auto style = cli::Style::from(args);
    cli::allow_many_open_files();

    StitchPlan plan = plan_stitch(names, places);
    if (!args.has("--dry-run") && !args.has("--no-verify")) tell_unlisted(args, io, plan.unlisted());
    if (args.has("--consume")) return consume_shards(args, io, std::move(plan));
    if (args.has("--resume")) return stitch_resumably(args, io, plan, target);
    choose_reflink(args, plan, target);
    if (args.has("--dry-run")) print(plan, target.path, nullptr, style, io);
    if (args.has("--shm")) require_memory(plan.size, target.path);
    if (target.is_file()) require_runnable(plan, target.path, target.run);
    if (args.has("--dry-run")) return cli::Status::ok;
    if (target.path == "-" && io.terminal(cli::Stream::out).present)
        throw Error(ErrorKind::usage, {}, "--output: standard output is a terminal");
    StitchResult result;
    {
        cli::Transfer transfer(io, args.has("--quiet"), "stitching " + names.front(), plan.size);
        NullSink nowhere;
        PipeSink out(io.output_fd());
        Sink& stream = target.path.empty() ? static_cast<Sink&>(nowhere) : out;
        result = target.is_file() ? run(plan, target.path, target.run, transfer)
                                  : run(plan, stream, target.run, transfer);
    }
    if (style.format != cli::Format::table) print(plan, target.path, &result, style, io);
    if (target.path.empty() && plan.listed.empty())
        remark(args, io,
               fmt::format("{}: no checksum list beside it: only headers and sizes were checked",
                           names.front()));
    return cli::Status::ok;
}

}  // namespace

const cli::Tool& stitch_tool() {
    using namespace cli;
    static const Tool tool(
        "gguf-stitch", "[OPTION]... SHARD...", "put shards of a model together again, byte for byte",
        {
            {"",
             {positional("SHARD", "one shard or raw piece (its siblings are found), or all of them")
                  .repeatable()}},
            {"Where from",
             {value("--tar", "FILE", "shards in a tar stream of gguf-shard, - for standard input").files()}},
            {"Where to",
             {option::output(), value("--shm", "NAME", "into shared memory: /dev/shm/NAME, shm:NAME"),
              optional_value("--hugetlb", "MOUNT", "into huge pages: -o NAME in this hugetlbfs, or the first")
                  .directories(),
              flag("--verify", "only check, against the checksum list where there is one"),
              flag("--shm-list", "list the models in shared memory"),
              value("--shm-rm", "NAME", "remove a model from shared memory, say who still maps it")}},
            {"Writing",
             {value("--reflink", "WHEN", "share extents with the shards (default auto)")
                  .choose({"auto", "always", "never"}),
              flag("--consume", "remove each shard once its bytes are durable; needs --force"),
              flag("--resume", "keep what is done when this ends early; go on with it"),
              flag("--no-verify", "do not check against the checksum list"),
              value("-j,--jobs", "N", "threads that copy (default 1)"),
              flag("--keep-cache", "leave what was written in the page cache"),
              flag("--no-sync", "do not wait until it is on disk"), option::force(), option::dry_run(),
              option::quiet()}},
            option::output_formats(),
        });
    return tool;
}

int stitch(std::span<const std::string> arguments, cli::Io& io) {
    return cli::run(stitch_tool(), arguments, io, [&](const cli::Args& args) { return work(args, io); });
}

}  // namespace ggufmap::stitch
