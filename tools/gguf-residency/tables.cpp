// --layers, --tensors, --experts: a line each.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "gguf-residency/counts.hpp"
#include "gguf-residency/lens.hpp"
#include "gguf-residency/mapped_by.hpp"
#include "gguf-residency/short_names.hpp"
#include "gguf-residency/tables.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap::residency {
namespace {

using cli::Cell;
using cli::Column;
using cli::Shows;

void append(std::vector<Column>& columns, const std::vector<Column>& more) {
    columns.insert(columns.end(), more.begin(), more.end());
}

}  // namespace

Selection with_experts(const Selection& selection, const Model& model) {
    std::uint64_t experts = 0;
    for (const ModelTensor& tensor : model.tensors())
        experts = std::max(experts, expert_slices(*tensor.info));
    if (experts == 0)
        throw Error(ErrorKind::usage, {model.name()}, "--experts: the model has no stacked experts");
    if (selection.names_experts()) return selection;
    Selection all = selection;
    return all.add_experts(fmt::format("0-{}", experts - 1));
}

std::string layer_name(std::string_view stack, std::optional<std::uint32_t> layer) {
    if (!layer) return "-";
    return stack.empty() ? std::to_string(*layer) : fmt::format("{} {}", stack, *layer);
}

std::vector<Column> layer_columns() {
    std::vector<Column> columns = {{"layer", "LAYER", Shows::word}};
    append(columns, count_columns());
    columns.push_back({"mapped_by", "MAPPED BY"});
    return columns;
}

void LayerRows::add(const Portion& portion) {
    tally_.add(portion);
    const Role& role = portion.role;
    for (const std::uint64_t pid : mapped_.pids(model_, portion.where))
        pids_[Key(role.stack, role.layer)].insert(pid);
}

void LayerRows::write(cli::Format format, const RowSink& sink) const {
    for (const LayerResidency& layer : tally_.layers()) {
        std::vector<Cell> cells = {layer_name(layer.stack, layer.layer)};
        append_counts(cells, layer.total(), format);
        const auto found = pids_.find(Key(layer.stack, layer.layer));
        cells.push_back(found == pids_.end()
                            ? mapped_.cell_of({}, format)
                            : mapped_.cell_of({found->second.begin(), found->second.end()}, format));
        sink(cells);
    }
}

std::vector<Column> portion_columns(bool experts) {
    std::vector<Column> columns = {{"tensor", "TENSOR"}};
    if (experts) columns.push_back({"expert", "EXPERT", Shows::number});
    append(columns, {{"layer", "LAYER", Shows::word}, {"part", "PART", Shows::word}});
    append(columns, count_columns());
    columns.push_back({"mapped_by", "MAPPED BY"});
    return columns;
}

std::function<void(const Portion&)> portion_rows(bool experts, const MappedBy& mapped, std::size_t model,
                                                 cli::Format format, RowSink sink) {
    return [=, &mapped, cells = std::vector<Cell>()](const Portion& portion) mutable {
        const Role& role = portion.role;
        if (!portion.tensor && role.part != Part::header) return;
        cells.clear();  // one for all rows: there may be 100,000
        cells.emplace_back(std::string(portion.tensor ? portion.tensor->name : "(header)"));
        if (experts) cells.push_back(cli::or_unknown(portion.expert));
        cells.emplace_back(layer_name(role.stack, role.layer));
        cells.emplace_back(std::string(name_of(role.part)));
        append_counts(cells, portion.bytes, format);
        cells.push_back(mapped.cell(model, portion.where, format));
        sink(cells);
    };
}

namespace {

bool fits_narrow(const Column& column) {
    return column.name != "dirty" && column.name != "writeback" && column.name != "evicted" &&
           column.name != "recently_evicted";
}

// Columns of the terminal that a column takes; names are measured, the rest is as wide as it gets as a rule.
std::size_t width_of(const Column& column, Models models, const std::vector<std::string>& names) {
    std::size_t content = column.shows == Shows::size ? std::string_view("1023.9 MiB").size()
                                                      : std::string_view("100.0 %").size();
    if (column.name == "model") {
        for (const std::string& name : names) content = std::max(content, name.size());
    }
    if (column.name == "tensor") {
        for (const Model& model : models) {
            for (const ModelTensor& tensor : model.tensors())
                content = std::max(content, tensor.info->name.size());
        }
    }
    return std::max(content, column.heading.size());
}

// On a terminal that has no room for all the kernel's other counters are left out, so that names stay whole.
bool is_narrow(const View& view, Models models, const std::vector<Column>& columns,
               const std::vector<std::string>& names) {
    const cli::Terminal terminal = view.io.terminal(cli::Stream::out);
    if (view.style.format != cli::Format::table || !terminal.present) return false;
    std::size_t width = columns.size() - 1;  // gaps
    for (const Column& column : columns) width += width_of(column, models, names);
    return width > terminal.width;
}

// Whole for scripts.
std::vector<std::string> names_of(const View& view, Models models) {
    std::vector<std::string> names;
    for (const Model& model : models) names.push_back(model.name());
    return view.style.format == cli::Format::table ? short_names(names) : names;
}

// One table for all models, with their names in front where there are several.
cli::Status print(const View& view, Models models, const MappedBy& mapped, std::vector<Column> columns,
                  const std::function<void(std::size_t, const RowSink&)>& rows_of) {
    const bool several = models.size() > 1;
    if (several) columns.insert(columns.begin(), {"model", "MODEL"});
    const std::vector<std::string> names = names_of(view, models);
    const bool narrow = is_narrow(view, models, columns, names);
    std::vector<bool> shown;
    for (const Column& column : columns) shown.push_back(!narrow || fits_narrow(column));
    std::size_t at = 0;
    std::erase_if(columns, [&](const Column&) { return !shown[at++]; });
    cli::Report report(view.io, view.style, columns);
    for (std::size_t i = 0; i < models.size(); ++i) {
        rows_of(i, [&](std::vector<Cell>& cells) {
            if (several) cells.insert(cells.begin(), names[i]);
            at = 0;
            if (narrow) std::erase_if(cells, [&](const Cell&) { return !shown[at++]; });
            report.row(cells);
        });
    }
    report.finish();
    if (view.style.format == cli::Format::table) tell_unseen(view, mapped.scan());
    return cli::Status::ok;
}

}  // namespace

cli::Status show_layers(const View& view, Models models) {
    const MappedBy mapped(view.processes, models);
    return print(view, models, mapped, layer_columns(), [&](std::size_t i, const RowSink& sink) {
        LayerRows rows(mapped, i);
        measure_each(view.cache, models[i], view.selection, [&](const Portion& one) { rows.add(one); });
        rows.write(view.style.format, sink);
    });
}

cli::Status show_tensors(const View& view, Models models) {
    const MappedBy mapped(view.processes, models);
    return print(view, models, mapped, portion_columns(false), [&](std::size_t i, const RowSink& sink) {
        measure_each(view.cache, models[i], view.selection,
                     portion_rows(false, mapped, i, view.style.format, sink));
    });
}

cli::Status show_experts(const View& view, Models models) {
    if (view.style.format == cli::Format::json) return show_document(view, models, true);
    const MappedBy mapped(view.processes, models);
    return print(view, models, mapped, portion_columns(true), [&](std::size_t i, const RowSink& sink) {
        measure_each(view.cache, models[i], with_experts(view.selection, models[i]),
                     portion_rows(true, mapped, i, view.style.format, sink));
    });
}

}  // namespace ggufmap::residency
