// --json: all that is known, as one document; the contract with programs. Members are added, never renamed.
#include "common/tool.hpp"
#include "gguf-inspect/document.hpp"
#include "gguf-inspect/facts.hpp"
#include "gguf-inspect/views.hpp"
#include "gguf-inspect/words.hpp"

namespace ggufmap::inspect {
namespace {

using Layout = JsonWriter::Layout;

constexpr std::uint64_t first_elements = 8;

void write_cell(JsonWriter& json, const cli::Cell& cell) {
    if (const auto* text = std::get_if<std::string>(&cell)) return json.text(*text);
    if (const auto* number = std::get_if<std::uint64_t>(&cell)) return json.number(*number);
    if (const auto* number = std::get_if<double>(&cell)) return json.number(*number);
    json.null();
}

void write_summary(JsonWriter& json, const Model& model) {
    const Facts facts = facts_of(model);
    json.begin_object();
    for (const auto& [name, cell] : cells_of(facts)) {
        json.key(name);
        write_cell(json, cell);
    }
    json.key("types");
    json.begin_array();
    for (const TypeShare& share : facts.types) {
        json.begin_object(Layout::inline_);
        json.key("type");
        json.string(share.type);
        json.key("tensors");
        json.number(share.amount.tensors);
        json.key("parameters");
        json.number(share.amount.elements);
        json.key("bytes");
        json.number(share.amount.bytes);
        json.end_object();
    }
    json.end_array();
    json.end_object();
}

void write_array(JsonWriter& json, const ArrayView& array, bool whole) {
    json.key("element_type");
    json.string(name_of(array.element_type()));
    json.key("count");
    json.number(array.size());
    json.key("first");
    json.begin_array(Layout::inline_);
    std::uint64_t left = first_elements;
    for (const Value element : array) {
        if (left-- == 0) break;
        write_value(json, element, first_elements);
    }
    json.end_array();
    if (!whole) return;
    json.key("value");
    json.begin_array(Layout::inline_);
    for (const Value element : array) write_value(json, element);
    json.end_array();
}

void write_keys(JsonWriter& json, const Gguf& head, bool whole_arrays) {
    json.begin_array();
    for (const KeyValue& entry : head.metadata()) {
        json.begin_object(Layout::inline_);
        json.key("key");
        json.text(entry.key);
        json.key("type");
        json.string(name_of(entry.value.type()));
        if (const auto array = entry.value.as_array()) {
            write_array(json, *array, whole_arrays);
        } else {
            json.key("value");
            write_value(json, entry.value);
        }
        json.end_object();
    }
    json.end_array();
}

void write_shards(JsonWriter& json, const Model& model) {
    json.begin_array();
    for (const Shard& shard : model.shards()) {
        json.begin_object(Layout::inline_);
        json.key("path");
        json.text(shard.file.name());
        json.key("file_bytes");
        json.number_or_null(model.has_files() ? std::optional(shard.file.size()) : std::nullopt);
        json.key("header_bytes");
        json.number(shard.gguf.header().size());
        json.key("alignment");
        json.number(shard.gguf.alignment());
        json.key("data_offset");
        json.number_or_null(shard.gguf.tensors().empty() ? std::nullopt
                                                         : std::optional(shard.gguf.data_offset()));
        json.end_object();
    }
    json.end_array();
}

void write_tensors(JsonWriter& json, const Model& model) {
    json.begin_array();
    for (const ModelTensor& tensor : model.tensors()) {
        json.begin_object(Layout::inline_);
        json.key("name");
        json.text(tensor.info->name);
        json.key("type");
        json.string(type_name(tensor.info->type));
        json.key("dimensions");
        json.begin_array(Layout::inline_);
        for (const std::uint64_t dimension : tensor.info->dimensions()) json.number(dimension);
        json.end_array();
        json.key("offset");
        json.number(model.shards()[tensor.shard].gguf.data_offset() + tensor.info->offset);
        json.key("bytes");
        json.number_or_null(tensor.info->bytes);
        json.key("shard");
        json.number(tensor.shard + 1);
        json.end_object();
    }
    json.end_array();
}

void write_findings(JsonWriter& json, const std::vector<Finding>& findings) {
    json.begin_array();
    for (const Finding& finding : findings) {
        json.begin_object(Layout::inline_);
        json.key("code");
        json.string(finding.code);
        json.key("severity");
        json.string(name_of(finding.severity));
        json.key("file");
        json.text(finding.where.file);
        json.key("place");
        json.text(finding.where.place);
        json.key("offset");
        json.number_or_null(finding.where.offset);
        json.key("text");
        json.text(finding.text);
        json.end_object();
    }
    json.end_array();
}

void write_header(JsonWriter& json, const Model& model, bool whole_arrays) {
    const Gguf& head = model.head();
    json.key("version");
    json.number(head.version());
    json.key("alignment");
    json.number(head.alignment());
    json.key("header_bytes");
    json.number(head.header().size());
    json.key("data_offset");
    json.number_or_null(head.tensors().empty() ? std::nullopt : std::optional(head.data_offset()));
    json.key("file_bytes");
    json.number_or_null(model.has_files() ? std::optional(model.file_bytes()) : std::nullopt);
    json.key("shards");
    write_shards(json, model);
    json.key("summary");
    write_summary(json, model);
    json.key("kv");
    write_keys(json, head, whole_arrays);
    json.key("tensors");
    write_tensors(json, model);
}

// A file whose header cannot be read has the same members, so that programs need not ask.
void write_no_header(JsonWriter& json) {
    for (const char* member : {"version", "alignment", "header_bytes", "data_offset", "file_bytes"}) {
        json.key(member);
        json.null();
    }
    for (const char* member : {"shards", "kv", "tensors"}) {
        json.key(member);
        json.begin_array();
        json.end_array();
    }
}

void write_subject(JsonWriter& json, const Subject& subject, bool whole_arrays) {
    json.begin_object();
    json.key("path");
    json.text(subject.name);
    if (subject.model) {
        write_header(json, *subject.model, whole_arrays);
    } else {
        write_no_header(json);
    }
    json.key("examined");
    if (subject.model) {
        json.string(name_of(subject.extent()));
    } else {
        json.null();
    }
    json.key("findings");
    write_findings(json, subject.findings);
    json.end_object();
}

}  // namespace

cli::Status show_json(Depth depth, const cli::Args& args, cli::Io& io) {
    return write_document(io, [&](JsonWriter& json) {
        return cli::for_each_input(args, io, "MODEL", [&](const std::string& name) {
            const Subject subject = open_subject(name, depth, io);
            write_subject(json, subject, args.has("--arrays"));
            if (!subject.model) tell_errors(subject, args, io);
            return subject.fails(args.has("--strict")) ? cli::Status::no : cli::Status::ok;
        });
    });
}

}  // namespace ggufmap::inspect
