#include "gguf-inspect/inspect.hpp"

#include <string_view>
#include <utility>

#include "common/standard_options.hpp"
#include "gguf-inspect/integrity.hpp"
#include "gguf-inspect/sheet.hpp"
#include "gguf-inspect/views.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::inspect {
namespace {

using cli::Args;
using cli::Io;
using cli::Status;

/// What a view makes of errors in the model that it could nevertheless show.
enum class Errors {
    shows,    ///< it shows them itself, and decides
    remarks,  ///< they are told, but a header that answers is an answer
    fails,    ///< they are told, and the status is 1
};

struct View {
    std::string_view option;
    Status (*show)(const Subject&, const Args&, Io&);
    Errors errors;
    bool headed = false;  ///< tables of several models need their names
};

constexpr View default_view = {"", show_summary, Errors::shows};
constexpr View views[] = {
    {"--kv", show_keys, Errors::remarks, true},       {"--get", show_values, Errors::remarks},
    {"--tensors", show_tensors, Errors::fails, true}, {"--layers", show_layers, Errors::fails, true},
    {"--types", show_types, Errors::fails, true},     {"--map", show_map, Errors::fails},
    {"--check", show_check, Errors::shows},           {"--extract", extract, Errors::shows},
};

const View& view_of(const Args& args) {
    args.at_most_one_of(
        {"--kv", "--get", "--tensors", "--layers", "--types", "--map", "--check", "--extract"});
    for (const View& view : views)
        if (args.has(view.option)) return view;
    return default_view;
}

void refuse(bool condition, const char* reason) {
    if (condition) throw Error(ErrorKind::usage, {}, reason);
}

void check_combination(const Args& args, const View& view) {
    const bool json = args.has("--json");
    refuse(json && !view.option.empty() && view.option != "--check",
           "--json shows all of a model in one document: leave the view out");
    const bool selects =
        args.has("--tensor") || args.has("--layer") || args.has("--part") || args.has("--expert");
    refuse(selects && view.option != "--tensors" && !asks_for_integrity(args),
           "--tensor, --layer, --part and --expert go with --tensors, --hash, --verify, --scan or --diff");
    refuse(args.has("--arrays") && !json && view.option != "--kv", "--arrays goes with --json or --kv");
    const bool extracts = view.option == "--extract";
    refuse((args.has("--output") || args.has("--force")) && !extracts,
           "--output and --force go with --extract");
    refuse(extracts && args.count("MODEL") > 1, "--extract takes one model");
}

void print_heading(const Subject& subject, const Args& args, Io& io) {
    if (args.count("MODEL") < 2 || cli::Style::from(args).format != cli::Format::table) return;
    io.out(Paint(io.terminal(cli::Stream::out)).bold(printable(subject.name)) + "\n");
}

Status show(const View& view, const Subject& subject, const Args& args, Io& io) {
    if (view.errors != Errors::shows || !subject.model) {
        if (view.show != show_check) tell_errors(subject, args, io);
    }
    if (!subject.model && view.show != show_check) return Status::no;
    if (view.headed) print_heading(subject, args, io);
    const Status status = view.show(subject, args, io);
    const bool failed = view.errors == Errors::fails && subject.fails(args.has("--strict"));
    return failed ? worst(status, Status::no) : status;
}

cli::Option models_or_pipe() {
    cli::Option models = cli::option::models();
    models.help += "; - for a pipe, read to the end of the header";
    return models;
}

cli::Option quiet() {
    cli::Option quiet = cli::option::quiet();
    quiet.help = "no progress, no remarks, no lines that say OK";
    return quiet;
}

}  // namespace

const cli::Tool& tool() {
    using namespace cli;
    static const Tool tool(
        "gguf-inspect", "[OPTION]... MODEL...",
        "see into GGUF models: what is in them, where it lies, is it sound",
        {{"", {models_or_pipe()}},
         {"Views (one of them; without any: a summary)",
          {
              optional_value("--kv", "GLOB", "metadata: key, type and value; all keys, or those that match"),
              value("--get", "KEY",
                    "the bare value of a key, an element a line; KEY:0-9 takes a slice; may be repeated")
                  .repeatable(),
              optional_value("--tensors", "GLOB",
                             "tensors: type, shape, size and place; all, or those that match"),
              flag("--layers", "what each layer is made of"),
              flag("--types", "how much there is of each tensor type"),
              flag("--map", "a picture of the file, to scale"),
              flag("--check", "a verdict: all that breaks the format or a loader, or is odd"),
              value("--extract", "TENSOR", "the bytes of a tensor, to standard output or --output"),
          }},
         {"Details",
          {
              flag("--strict", "warnings fail, too"),
              flag("--arrays", "arrays whole, not their first elements only (--json, --kv)"),
              option::output(),
              option::force(),
              quiet(),
          }},
         integrity_options(),
         tensor_selection(),
         option::output_formats()});
    return tool;
}

int inspect(std::span<const std::string> arguments, Io& io) {
    return cli::run(tool(), arguments, io, [&](const Args& args) {
        const View& view = view_of(args);
        check_combination(args, view);
        if (asks_for_integrity(args)) {
            refuse(!view.option.empty(),
                   "--hash, --verify, --scan, --diff and --in-memory go with no other view");
            return show_integrity(args, io);
        }
        const Depth depth = args.has("--check") ? Depth::full : Depth::header;
        if (cli::Style::from(args).format == cli::Format::json) return show_json(depth, args, io);
        bool first = true;
        return cli::for_each_input(args, io, "MODEL", [&](const std::string& name) {
            Subject subject = open_subject(name, depth, io);
            subject.one_of_many = args.count("MODEL") > 1;
            subject.first = std::exchange(first, false);
            return show(view, subject, args, io);
        });
    });
}

}  // namespace ggufmap::inspect
