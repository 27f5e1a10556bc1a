#include "gguf-inspect/integrity.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "common/jobs.hpp"
#include "common/models.hpp"
#include "common/standard_options.hpp"
#include "common/tool.hpp"
#include "gguf-inspect/document.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::inspect {
namespace {

using cli::Args;
using cli::Io;
using cli::Status;

void refuse(bool condition, const char* reason) {
    if (condition) throw Error(ErrorKind::usage, {}, reason);
}

void check_combination(const Args& args) {
    args.at_most_one_of({"--verify", "--diff", "--scan"});
    args.at_most_one_of({"--diff", "--hash"});
    refuse(args.has("--values") && !args.has("--diff"), "--values goes with --diff");
    refuse(args.has("--per") && !args.has("--hash"), "--per goes with --hash");
    refuse(args.has("--strict"),
           "--strict is about findings: --hash, --verify, --scan, --diff and --in-memory "
           "have none");
    refuse(args.has("--in-memory") && (args.has("--scan") || args.has("--diff")),
           "--in-memory goes with --hash or --verify, or alone");
}

// A digest, a scan or a comparison of nothing would say that all is well.
void require_tensors(const Weights& weights) {
    if (weights.selection.everything()) return;
    const std::vector<Selected> selected = weights.selection.of(weights.model);
    refuse(std::all_of(selected.begin(), selected.end(),
                       [](const Selected& one) { return one.tensor == nullptr; }),
           "no tensor is selected, and the header has no digest of its own");
}

Status show_one(const Weights& weights, const Args& args, Io& io) {
    require_tensors(weights);
    if (args.has("--verify")) return show_verification(weights, args, io);
    if (args.has("--diff")) return show_difference(weights, args, io);
    if (args.has("--hash")) return show_digests(weights, args, io);
    if (args.has("--scan")) return show_scan(weights, args, io);
    return show_cache_faults(weights, args, io);
}

}  // namespace

cli::Group integrity_options() {
    using namespace cli;
    return {"Integrity (reads the weights)",
            {
                optional_value("--hash", "LIST",
                               "digests of tensors, of all weights and, with file, of files, as "
                               "llama-gguf-hash, xxhsum and sha256sum print them (default: xxh3)")
                    .choose_several({"xxh3", "xxh64", "sha1", "sha256", "uuid", "file"}),
                value("--per", "LIST", "what --hash makes digests of")
                    .choose_several({"tensor", "model", "file"}),
                value("--verify", "MANIFEST",
                      "compare with digests in a file, - for standard input; name: with the digest that is "
                      "the file's name")
                    .files(),
                flag("--scan", "look for NaN, infinity, absurd or zero scales, zero-filled ends"),
                value("--diff", "OTHER", "what is different in the model OTHER").files(),
                flag("--values", "with --diff: how far the weights are apart"),
                flag("--in-memory", "look only at what is in memory; alone: compare it with the disk"),
                flag("--keep-cache", "leave in memory what is read"),
                option::jobs(),
            }};
}

cli::Group tensor_selection() {
    // Digests are of whole tensors: byte ranges would select nothing that a manifest has.
    cli::Group group = cli::option::selection();
    std::erase_if(group.options, [](const cli::Option& option) { return option.title() == "--ranges"; });
    return group;
}

bool asks_for_integrity(const Args& args) {
    for (const char* const option : {"--hash", "--verify", "--scan", "--diff", "--in-memory"}) {
        if (args.has(option)) return true;
    }
    refuse(args.has("--values") || args.has("--per") || args.has("--keep-cache") || args.has("--jobs"),
           "--values, --per, --keep-cache and --jobs go with --hash, --verify, --scan or --diff");
    return false;
}

namespace {

Status show_all(const Args& args, Manifest* manifest, JsonWriter* json, Io& io) {
    cli::Style style = cli::Style::from(args);
    std::size_t left = args.count("MODEL");
    return cli::for_each_input(args, io, "MODEL", [&](const std::string& name) {
        --left;
        refuse(name == "-", "weights cannot be read from a pipe: give a file");
        const auto headers = args.has("--in-memory")
                                 ? ModelOpening::Headers::untouched  // it counts them, too
                                 : ModelOpening::Headers::cached;
        const Model model = Model::open(name, cli::places_from(io), {.headers = headers});
        const std::uint64_t total = args.has("--diff") ? 0 : model.file_bytes();  // the other one comes later
        cli::Progress progress(io, args.has("--quiet"), fmt::format("reading {}", printable(name)), total);
        if (args.count("MODEL") > 1) style.model = name;
        Weights weights{model, name, cli::selection_from(args), style, json, manifest, left == 0};
        style.continues = true;
        weights.read.jobs = cli::jobs_from(args);
        weights.read.keep_cache = args.has("--keep-cache");
        weights.read.stop = io.stop_token();
        weights.read.progress = [&](std::uint64_t bytes) { progress.add(bytes); };
        return show_one(weights, args, io);
    });
}

// A digest that is left out by a slip of an editor would else be one that nobody misses.
void remark_unknown_lines(const Manifest& manifest, const std::string& path, const Args& args, Io& io) {
    const auto& lines = manifest.unknown;
    if (lines.empty()) return;
    const std::string more = lines.size() > 1 ? fmt::format(" (and {} more)", lines.size() - 1) : "";
    cli::say(args, io,
             fmt::format("{}: line {}{} is no digest line", path == "-" ? "standard input" : path,
                         lines.front(), more));
}

}  // namespace

Status show_integrity(const Args& args, Io& io) {
    check_combination(args);
    std::optional<Manifest> manifest;
    const auto path = args.text("--verify");
    if (path && *path != "name") {
        manifest = read_manifest(*path, io);
        if (!args.has("--quiet")) remark_unknown_lines(*manifest, *path, args, io);
    }
    Manifest* const wanted = manifest ? &*manifest : nullptr;
    if (cli::Style::from(args).format != cli::Format::json) return show_all(args, wanted, nullptr, io);
    return write_document(io, [&](JsonWriter& json) { return show_all(args, wanted, &json, io); });
}

void begin_object(const Weights& weights) {
    weights.json->begin_object();
    weights.json->key("path");
    weights.json->text(weights.name);
}

void Complaints::tell(const Error& error, std::string_view thing) {
    status_ = worst(status_, error.blames_model() ? Status::no : Status::trouble);
    const std::string place(error.where().offset ? thing : "");
    const std::string text = in_words({error.where().file, place, error.where().offset}, error.reason());
    if (!told_.insert(text).second) return;
    io_.flush();  // keeps stdout and stderr in step where both are one terminal
    cli::say(args_, io_, text);
}

std::string counted(std::uint64_t count, std::string_view what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace ggufmap::inspect
