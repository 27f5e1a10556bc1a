#include "gguf-hfstub/registration.hpp"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <thread>

#include "common/models.hpp"
#include "common/report.hpp"
#include "common/tool.hpp"
#include "common/transfer.hpp"
#include "ggufmap/check.hpp"
#include "ggufmap/hf/stub.hpp"
#include "ggufmap/ollama.hpp"
#include "ggufmap/output.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::cli {
namespace {

ollama::Link link_of(const Args& args) {
    const std::string name = args.text("--link").value_or("auto");
    if (name == "reflink") return ollama::Link::reflink;
    if (name == "hard") return ollama::Link::hard;
    if (name == "symlink") return ollama::Link::symbolic;
    return ollama::Link::automatic;
}

/// Whose bytes the blobs are to have, in the order of the digests.
std::vector<const File*> files_of(const Model& model, const Model* projector) {
    std::vector<const File*> files;
    for (const Shard& shard : model.shards()) files.push_back(&shard.file);
    if (projector)
        for (const Shard& shard : projector->shards()) files.push_back(&shard.file);
    return files;
}

/// A template is no model to blame.
File open_text(const std::string& path) try { return File::open(path); } catch (const Error& error) {
    if (!error.blames_model()) throw;
    throw Error(ErrorKind::usage, {path}, "is not a regular file");
}

std::string text_of_file(const std::string& path) {
    constexpr std::uint64_t longest = 1 << 20;  // a template; not a model named by mistake
    const File file = open_text(path);
    if (file.size() > longest) throw Error(ErrorKind::usage, {path}, "is too large to be a template");
    std::string text(file.size(), '\0');
    file.read_exactly(0, std::as_writable_bytes(std::span(text.data(), text.size())));
    return text;
}

std::vector<std::string> stops_of(const Model& model) {
    if (!hf::tokenizer_obstacle(model.head()).empty()) return {};
    hf::Notes unused;
    return hf::stop_texts(hf::Vocabulary::read(model.head(), model.name(), unused));
}

ollama::Extras extras_of(const Args& args, const Model& model) {
    ollama::Extras extras;
    extras.params = ollama::params_json(model.head(), stops_of(model));
    if (const auto path = args.text("--template")) extras.chat_template = text_of_file(*path);
    extras.system = args.text("--system").value_or("");
    extras.license = model.head().string_of("general.license").value_or("");
    return extras;
}

std::string ollama_folder(const Args& args, const Places& places) {
    return args.text("--ollama-dir").value_or(places.ollama_models);
}

Model open_projector(const std::string& path, const Places& places) {
    Model projector = Model::open(path, places);
    if (const ModelKind kind = kind_of(projector); kind != ModelKind::projector)
        throw Error(ErrorKind::malformed, {path}, fmt::format("is no projector, but: {}", name_of(kind)));
    projector.require_complete();
    return projector;
}

/// Of all files, those that --cache-digest has kept among them.
std::vector<std::string> digests_of(const Args& args, Io& io, const std::vector<const File*>& files) {
    const bool keep = args.has("--cache-digest");
    std::vector<std::string> digests(files.size());
    std::vector<const File*> unknown;
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < files.size(); ++i) {
        const auto known = keep ? ollama::stored_digest(*files[i]) : std::nullopt;
        digests[i] = known.value_or("");
        if (known) continue;
        unknown.push_back(files[i]);
        bytes += files[i]->size();
    }
    Transfer work(io, args.has("--quiet"), "hashing", bytes);
    const auto jobs = args.number("--jobs", {.least = 1, .most = 256});
    const auto found = ollama::sha256_of(
        unknown, jobs ? static_cast<unsigned>(*jobs) : std::thread::hardware_concurrency(), work);
    for (std::size_t i = 0, next = 0; i < files.size(); ++i) {
        if (!digests[i].empty()) continue;
        digests[i] = found[next++];
        if (keep && !args.has("--dry-run")) ollama::store_digest(*files[i], digests[i]);
    }
    return digests;
}

void print(const Args& args, Io& io, const std::vector<ollama::Placed>& placed) {
    const std::vector<Column> columns = {{"path", "PATH"},
                                         {"how", "HOW"},
                                         {"bytes", "SIZE", Shows::size},
                                         {"new_bytes", "NEW ON DISK", Shows::size}};
    const auto fill = [&](Report& report) {
        for (const ollama::Placed& one : placed) report.row({one.path, one.how, one.size, one.new_bytes});
        report.finish();
    };
    if (!args.has("--json")) {
        Report table(io, Style{Format::table, args.has("--bytes")}, columns);
        return fill(table);
    }
    JsonWriter json(json_sink(io));
    json.begin_object();
    json.key("schema");
    json.string("gguf-hfstub-ollama/1");
    json.key("dry_run");
    json.boolean(args.has("--dry-run"));
    json.key("files");
    Report list(json, columns);
    fill(list);
    json.end_object();
    json.finish();
}

/// Links keep owner and mode of the model: what the owner of Ollama's folder cannot read does not run.
void note_unreadable(const Args& args, Io& io, const std::vector<const File*>& files,
                     const std::vector<ollama::Placed>& placed, const std::string& directory) {
    if (args.has("--quiet")) return;
    for (std::size_t i = 0; i < files.size(); ++i) {
        for (const ollama::Link link : {ollama::Link::hard, ollama::Link::symbolic})
            if (placed[i].how == ollama::name_of(link) &&
                !ollama::readable_by_owner(*files[i], directory, link))
                say(args, io, files[i]->name() + ": note: the owner of " + directory + " may not read it");
    }
}

}  // namespace

void check_registration(const Args& args, Io& io, const Model& model) {
    const ollama::Name name = ollama::parse_name(*args.text("--ollama"));
    const Places places = places_from(io);
    const std::string directory = ollama_folder(args, places);
    if (const ModelKind kind = kind_of(model); kind != ModelKind::model)
        throw Error(ErrorKind::unsupported, {model.name()},
                    fmt::format("is no model that Ollama could run, but: {}", name_of(kind)));
    ollama::require_installable(directory, name, args.has("--force"));
    std::optional<Model> projector;
    if (const auto path = args.text("--mmproj")) projector = open_projector(*path, places);
    const auto files = files_of(model, projector ? &*projector : nullptr);
    ollama::require_linkable(files, directory, link_of(args));
    if (!args.has("--cache-digest")) return;
    for (const File* file : files)
        if (!ollama::stored_digest(*file)) ollama::require_digest_place(*file);
}

Status register_in_ollama(const Args& args, Io& io, const Model& model) {
    const std::string from = *args.text("MODEL");
    if (from.starts_with("ollama:") && !args.has("--quiet"))
        say(args, io,
            from + ": note: only the model is taken over: not its template, system message and parameters");
    const ollama::Name name = ollama::parse_name(*args.text("--ollama"));
    const Places places = places_from(io);
    const std::string directory = ollama_folder(args, places);
    const ollama::Link link = link_of(args);
    std::optional<Model> projector;
    if (const auto path = args.text("--mmproj")) projector = open_projector(*path, places);
    const std::vector<const File*> files = files_of(model, projector ? &*projector : nullptr);
    const auto digests = digests_of(args, io, files);
    const auto plan =
        ollama::make_plan(model, projector ? &*projector : nullptr, name, digests, extras_of(args, model));
    if (args.has("--dry-run")) {
        Transfer look(io, args.has("--quiet"), "looking at what is there", 0);
        const auto placed = ollama::foresee(plan, directory, link, look);
        note_unreadable(args, io, files, placed, directory);
        print(args, io, placed);
        return Status::ok;
    }
    Transfer work(io, args.has("--quiet"), "registering " + name.model, 0);
    const auto placed = ollama::install(plan, directory, link, args.has("--force"), work);
    note_unreadable(args, io, files, placed, directory);
    if (args.has("--cache-digest")) {
        // Again: a hard link has changed the change times that go with them.
        for (std::size_t i = 0; i < files.size(); ++i)
            if (!ollama::stored_digest(*files[i])) ollama::store_digest(*files[i], digests[i]);
    }
    if (args.has("--json") || args.has("--verbose")) print(args, io, placed);
    return Status::ok;
}

void print_modelfile(Io& io, const Model& model) {
    const std::string text = hf::modelfile(model, stops_of(model));
    if (!io.terminal(Stream::out).present) return io.out(text);
    for (std::size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
        io.out(printable(std::string_view(text).substr(at, end - at)) + "\n");
}

Status run_ollama(const Args& args, Io& io) {
    io.flush();
    const ollama::Name name = ollama::parse_name(*args.text("--ollama"));
    std::string words[] = {"ollama", "run", name.model + ":" + name.tag};
    std::array<char*, 4> arguments = {words[0].data(), words[1].data(), words[2].data(), nullptr};
    // Our own threads keep signals blocked; the child must not inherit that.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    pid_t child = 0;
    const int error =
        ::posix_spawnp(&child, words[0].c_str(), nullptr, &attributes, arguments.data(), environ);
    posix_spawnattr_destroy(&attributes);
    if (error != 0) {
        say(args, io, "there is no 'ollama' to run: the model waits for it under " + words[2]);
        return Status::trouble;
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? Status::ok : Status::trouble;
}

}  // namespace ggufmap::cli
