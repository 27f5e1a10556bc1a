// --diff: what differs between two models.
#include <fmt/format.h>

#include <algorithm>

#include "common/models.hpp"
#include "common/report.hpp"
#include "gguf-inspect/integrity.hpp"
#include "gguf-inspect/words.hpp"
#include "ggufmap/diff.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::inspect {
namespace {

using cli::Args;
using cli::Io;
using cli::Status;

constexpr std::uint64_t first_elements = 3;
constexpr std::size_t most_text = 60;
constexpr std::size_t most_array_text = 400;

std::string value_text(const Value& value) {
    const auto array = value.as_array();
    std::string text = array ? fmt::format("{} x {} ", array->size(), name_of(array->element_type())) : "";
    const std::size_t most = array ? most_array_text : most_text;
    if (append_bare_text(text, value, first_elements, most))
        text += array ? "..." : fmt::format("... ({} bytes)", value.bytes().size());
    return text;
}

std::string value_text_of(const KeyValue* pair) { return pair != nullptr ? value_text(pair->value) : ""; }

std::string type_text(const Value& value) {
    const auto array = value.as_array();
    return array ? fmt::format("array of {}", name_of(array->element_type()))
                 : std::string(name_of(value.type()));
}

// "12 of 32000 elements differ"; empty where there are more on one side.
std::string elements_change(const ArrayView& before, const ArrayView& after) {
    if (before.size() != after.size()) return {};
    std::uint64_t changed = 0;
    auto other = after.begin();
    for (const Value element : before) {
        if (!std::ranges::equal(element.bytes(), (*other).bytes())) ++changed;
        ++other;
    }
    return fmt::format("{} of {} elements differ", changed, before.size());
}

// "differ from byte 280"; empty where both are short enough to be seen.
std::string string_change(std::string_view before, std::string_view after) {
    if (std::max(before.size(), after.size()) <= most_text) return {};
    const auto at = std::ranges::mismatch(before, after).in1;
    return fmt::format("differ from byte {}", at - before.begin());
}

// What the two values do not show.
std::string value_change(const Value& before, const Value& after) {
    const std::string type = type_text(before);
    if (type != type_text(after)) return fmt::format("{} -> {}", type, type_text(after));
    if (const auto array = before.as_array()) return elements_change(*array, *after.as_array());
    if (const auto text = before.as_string()) return string_change(*text, *after.as_string());
    // Such as NaN, and bools that are neither 0 nor 1.
    return value_text(before) == value_text(after) ? "bytes differ" : "";
}

std::string key_change(const KeyDifference& key) {
    if (key.before == nullptr || key.after == nullptr) return {};
    return value_change(key.before->value, key.after->value);
}

std::string shape_text(const ModelTensor* tensor) {
    if (tensor == nullptr) return {};
    std::string text = type_name(tensor->info->type) + " [";
    for (std::size_t i = 0; i < tensor->info->dimensions().size(); ++i)
        text += fmt::format("{}{}", i == 0 ? "" : " x ", tensor->info->dimensions()[i]);
    return text + "]";
}

std::string tensor_change(const TensorDifference& tensor) {
    if (tensor.before == nullptr || tensor.after == nullptr) return {};
    if (tensor.error) return "unreadable";
    std::string text = tensor.shape && tensor.type ? "type, shape"
                       : tensor.shape              ? "shape"
                       : tensor.type               ? "type"
                                                   : "bytes";
    if (tensor.values) {
        text +=
            fmt::format(": relative {:.3g}, largest {:.3g}", tensor.values->relative, tensor.values->largest);
        if (tensor.values->not_finite > 0) text += fmt::format(", {} not finite", tensor.values->not_finite);
    }
    return text;
}

std::string_view change_word(bool before, bool after) {
    return !before ? "added" : !after ? "removed" : "changed";
}

struct Row {
    std::string_view change;
    std::string_view what;
    std::string name;
    std::string before;
    std::string after;
    std::string how;
    const ValueDifference* values = nullptr;
};

std::vector<Row> rows_of(const ModelDiff& diff) {
    std::vector<Row> rows;
    for (const KeyDifference& key : diff.keys)
        rows.push_back({change_word(key.before != nullptr, key.after != nullptr), "key", std::string(key.key),
                        value_text_of(key.before), value_text_of(key.after), key_change(key)});
    for (const TensorDifference& tensor : diff.tensors)
        rows.push_back({change_word(tensor.before != nullptr, tensor.after != nullptr), "tensor",
                        std::string(tensor.name), shape_text(tensor.before), shape_text(tensor.after),
                        tensor_change(tensor), tensor.values ? &*tensor.values : nullptr});
    return rows;
}

void print_for_people(const std::vector<Row>& rows, Io& io) {
    for (const Row& row : rows) {
        const char mark = row.change == "added" ? '+' : row.change == "removed" ? '-' : '~';
        std::string text = row.before;
        if (row.before.empty() || row.after.empty() || row.before == row.after) {
            text = row.before.empty() ? row.after : row.before;
        } else {
            text += " -> " + row.after;
        }
        if (!row.how.empty()) text += fmt::format(" ({})", row.how);
        io.out(fmt::format("{} {} {}  {}\n", mark, row.what, printable(row.name), printable(text)));
    }
}

void print_table(const std::vector<Row>& rows, cli::Report& report) {
    for (const Row& row : rows) {
        const auto known = [](const std::string& text) {
            return text.empty() ? cli::Cell() : cli::Cell(text);
        };
        report.row({std::string(row.change), std::string(row.what), row.name, known(row.before),
                    known(row.after), known(row.how),
                    row.values == nullptr ? cli::Cell() : cli::Cell(row.values->relative),
                    row.values == nullptr ? cli::Cell() : cli::Cell(row.values->largest)});
    }
    report.finish();
}

}  // namespace

Status show_difference(const Weights& weights, const Args& args, Io& io) {
    const Model other = Model::open(args.text("--diff").value_or(""), cli::places_from(io));
    const ModelDiff found =
        diff(weights.model, other, {args.has("--values"), weights.selection}, weights.read);
    if (!found.complete) return Status::trouble;
    const std::vector<Row> rows = rows_of(found);
    const std::vector<cli::Column> columns = {{"change", "CHANGE"},
                                              {"what", "WHAT"},
                                              {"name", "NAME"},
                                              {"before", "BEFORE"},
                                              {"after", "AFTER"},
                                              {"how", "HOW"},
                                              {"relative", "RELATIVE", cli::Shows::number},
                                              {"largest", "LARGEST", cli::Shows::number}};
    if (weights.json != nullptr) {
        JsonWriter& json = *weights.json;
        begin_object(weights);
        json.key("same");
        json.boolean(found.same());
        json.key("differences");
        cli::Report report(json, columns);
        print_table(rows, report);
        json.end_object();
    } else if (weights.style.format != cli::Format::table) {
        cli::Report report(io, weights.style, columns);
        print_table(rows, report);
    } else if (!args.has("--quiet") || !found.same()) {
        print_for_people(rows, io);
        io.out(fmt::format("{} and {} the same, {} and {} differ\n", counted(found.same_keys, "key"),
                           counted(found.same_tensors, "tensor"), counted(found.keys.size(), "key"),
                           counted(found.tensors.size(), "tensor")));
    }
    Complaints complaints(args, io);
    for (const TensorDifference& tensor : found.tensors) {
        if (tensor.error) complaints.tell(*tensor.error, fmt::format("tensor '{}'", tensor.name));
    }
    return worst(complaints.status(), found.same() ? Status::ok : Status::no);
}

}  // namespace ggufmap::inspect
