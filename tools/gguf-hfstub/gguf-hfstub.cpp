#include "gguf-hfstub/gguf-hfstub.hpp"

#include <fmt/format.h>

#include "common/models.hpp"
#include "common/tool.hpp"
#include "common/transfer.hpp"
#include "gguf-hfstub/folder.hpp"
#include "gguf-hfstub/registration.hpp"

namespace ggufmap::cli {
namespace {

void check(const Args& args) {
    if (!args.has("--output") && !args.has("--ollama") && !args.has("--modelfile"))
        throw Error(ErrorKind::usage, {}, "say what to make: -o DIR, --ollama NAME or --modelfile");
    if (args.has("--json") && args.has("--output") && args.has("--ollama"))
        throw Error(ErrorKind::usage, {}, "--json tells of one thing: -o DIR or --ollama NAME");
    if (args.has("--json") && args.has("--modelfile"))
        throw Error(ErrorKind::usage, {}, "--json has no meaning with --modelfile");
    for (const char* option :
         {"--ollama-dir", "--link", "--mmproj", "--template", "--system", "--cache-digest", "--launch"}) {
        if (args.has(option) && !args.has("--ollama"))
            throw Error(ErrorKind::usage, {}, std::string(option) + " is for --ollama");
    }
    for (const char* option :
         {"--tokenizer-only", "--precision", "--weights", "--max-file-size", "--raw-blocks"}) {
        if (args.has(option) && !args.has("--output"))
            throw Error(ErrorKind::usage, {}, std::string(option) + " is for -o");
        if (args.has(option) && args.has("--tokenizer-only") &&
            option != std::string_view("--tokenizer-only"))
            throw Error(ErrorKind::usage, {}, std::string(option) + " has no meaning with --tokenizer-only");
    }
}

bool only_tokenizer(const Args& args) {
    return args.has("--tokenizer-only") && !args.has("--ollama") && !args.has("--modelfile");
}

/// The first shard has all metadata: for a tokenizer the others need not be there.
Model open_model(const Args& args, const Places& places) {
    const std::string name = *args.text("MODEL");
    if (only_tokenizer(args)) {
        if (const auto shard = parse_shard_name(resolve_model(name, places)))
            return Model::open(shard_path(shard->prefix, 1, shard->count), places,
                               {.siblings = ModelOpening::Siblings::none});
    }
    return Model::open(name, places);
}

/// A tokenizer needs no weights. One file may still be one shard: renamed, or several run together by cat.
void require_whole(const Args& args, const Model& model) {
    if (!args.has("--ollama") && (!args.has("--output") || args.has("--tokenizer-only"))) return;
    const std::uint64_t shards = model.head().unsigned_of("split.count").value_or(0);
    if (shards > model.shards().size())
        throw Error(ErrorKind::mismatch, {model.name(), "key 'split.count'"},
                    fmt::format("is one of {} shards: gguf-stitch puts them together", shards));
    model.require_complete();
}

Status make_all(const Args& args, Io& io) {
    check(args);
    allow_many_open_files();
    const Model model = open_model(args, places_from(io));
    require_whole(args, model);
    if (args.has("--ollama")) check_registration(args, io, model);
    Status status = Status::ok;
    if (args.has("--modelfile")) print_modelfile(io, model);
    if (args.has("--output")) status = worst(status, make_folder(args, io, model));
    if (args.has("--ollama")) status = worst(status, register_in_ollama(args, io, model));
    if (args.has("--launch") && !args.has("--dry-run")) status = worst(status, run_ollama(args, io));
    return status;
}

}  // namespace

int hfstub(std::span<const std::string> arguments, Io& io) {
    return run(hfstub_tool(), arguments, io, [&](const Args& args) { return make_all(args, io); });
}

}  // namespace ggufmap::cli
