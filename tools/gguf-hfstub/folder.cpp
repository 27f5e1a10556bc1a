// The folder: options to a request, a request to files.
#include "gguf-hfstub/folder.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <optional>

#include "common/models.hpp"
#include "common/report.hpp"
#include "common/tool.hpp"
#include "common/transfer.hpp"
#include "ggufmap/hf/stub.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::cli {
namespace {

using hf::Weights;

struct Request {
    std::string output;
    bool force = false;
    bool dry_run = false;
    bool raw_blocks = false;
    std::optional<Weights> weights;  ///< nothing: auto
    hf::StubOptions stub;
};

hf::Precision precision_named(const std::string& name) {
    if (name == "fp16") return hf::Precision::fp16;
    if (name == "bf16") return hf::Precision::bf16;
    if (name == "fp32") return hf::Precision::fp32;
    return hf::Precision::by_weights;
}

std::optional<Weights> weights_named(const std::string& name) {
    if (name == "none") return Weights::none;
    if (name == "reflink") return Weights::reflink;
    if (name == "copy") return Weights::copy;
    if (name == "sparse") return Weights::sparse;
    return std::nullopt;
}

Request request_of(const Args& args) {
    Request request;
    request.output = *args.text("--output");
    request.force = args.has("--force");
    request.dry_run = args.has("--dry-run");
    request.raw_blocks = args.has("--raw-blocks");
    request.weights = weights_named(args.text("--weights").value_or("auto"));
    request.stub.precision = precision_named(args.text("--precision").value_or("auto"));
    request.stub.tokenizer_only = args.has("--tokenizer-only");
    request.stub.most_bytes = args.size("--max-file-size", {.least = 1}).value_or(0);
    return request;
}

std::string parent_of(std::string path) {
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    return split_path(path).directory;
}

/// What becomes of the weights, and in `notes` why there are none.
Weights decide_weights(const Request& request, const Model& model, bool can_share, hf::Notes& notes) {
    if (request.stub.tokenizer_only || model.tensors().empty() || !hf::has_mapping(model))
        return Weights::none;
    const std::string_view quantized = hf::unreadable_type(model);
    const bool unreadable = !quantized.empty() && !request.raw_blocks;
    if (request.weights) {
        if (*request.weights != Weights::none && unreadable)
            throw Error(
                ErrorKind::usage, {model.name()},
                fmt::format("holds {} blocks, which no loader reads from safetensors: --weights=none, or "
                            "--raw-blocks to write them as bytes",
                            quantized));
        return *request.weights;
    }
    if (unreadable) {
        notes.push_back(
            fmt::format("no weights written: no loader reads {} blocks from safetensors (load the GGUF "
                        "itself beside this "
                        "folder, or --raw-blocks for the bytes)",
                        quantized));
        return Weights::none;
    }
    if (hf::has_packed_experts(model)) {
        notes.push_back(
            "no weights written: loaders read MXFP4 in another order, of which nothing can be shared "
            "(--weights=copy makes a second copy)");
        return Weights::none;
    }
    if (can_share) return Weights::reflink;
    notes.push_back(
        "no weights written: this file system cannot share the model's blocks (--weights=copy makes a second "
        "copy, --weights=sparse a header for readers of headers only)");
    return Weights::none;
}

void require_room(const Request& request, const OutputDirectory& parent,
                  const std::vector<hf::StubFile>& files) {
    std::uint64_t bytes = 0;
    for (const hf::StubFile& file : files) bytes += file.new_bytes;
    if (bytes > parent.free_bytes())
        throw io_error({request.output}, fmt::format("cannot reserve {} bytes", bytes), ENOSPC);
}

void print_json(Io& io, const Request& request, const std::vector<hf::StubFile>& files,
                const hf::Notes& notes, const hf::Notes& missing) {
    JsonWriter json(json_sink(io));
    json.begin_object();
    json.key("schema");
    json.string("gguf-hfstub/1");
    json.key("output");
    json.text(request.output);
    json.key("dry_run");
    json.boolean(request.dry_run);
    json.key("files");
    json.begin_array();
    for (const hf::StubFile& file : files) {
        json.begin_object(JsonWriter::Layout::inline_);
        json.key("name");
        json.string(file.name);
        json.key("bytes");
        json.number(file.bytes);
        json.key("new_bytes");
        json.number(file.new_bytes);
        json.end_object();
    }
    json.end_array();
    for (const auto& [key, lines] : {std::pair("notes", &notes), std::pair("missing", &missing)}) {
        json.key(key);
        json.begin_array();
        for (const std::string& line : *lines) json.text(line);
        json.end_array();
    }
    json.end_object();
    json.finish();
}

void print_table(Io& io, const Args& args, const std::vector<hf::StubFile>& files) {
    Report report(
        io, Style{Format::table, args.has("--bytes")},
        {{"file", "FILE"}, {"bytes", "SIZE", Shows::size}, {"new_bytes", "NEW ON DISK", Shows::size}});
    for (const hf::StubFile& file : files) report.row({file.name, file.bytes, file.new_bytes});
    report.finish();
}

}  // namespace

Status make_folder(const Args& args, Io& io, const Model& model) {
    Request request = request_of(args);
    hf::require_stub_place(request.output, request.force);
    const auto parent = OutputDirectory::open(parent_of(request.output));
    hf::Notes notes;
    const auto block = clone_block(model.shards().front().file, *parent);
    request.stub.weights = decide_weights(request, model, block.has_value(), notes);
    if (request.stub.weights == Weights::reflink && !block)
        throw Error(ErrorKind::io, {request.output},
                    "this file system cannot share the model's blocks (--weights=copy makes a second copy)",
                    EOPNOTSUPP);
    if (block) request.stub.block = *block;

    hf::Stub stub(model, request.stub);
    std::vector<hf::StubFile> files;
    if (request.dry_run) {
        files = stub.measure();
        require_room(request, *parent, files);
    } else {
        Transfer work(io, args.has("--quiet"), "writing " + request.output, 0);
        files = stub.write(request.output, request.force, work);
    }
    notes.insert(notes.end(), stub.notes().begin(), stub.notes().end());
    for (const std::string& line : stub.missing()) say(args, io, model.name() + ": " + line);
    if (!args.has("--quiet")) {
        for (const std::string& line : notes) say(args, io, model.name() + ": note: " + line);
    }
    if (args.has("--json")) {
        print_json(io, request, files, notes, stub.missing());
    } else if (request.dry_run) {
        print_table(io, args, files);
    }
    return stub.missing().empty() ? Status::ok : Status::no;
}

}  // namespace ggufmap::cli
