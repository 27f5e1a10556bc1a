// --tensors: each tensor and where it lies.
#include <fmt/format.h>
#include <fnmatch.h>

#include "common/models.hpp"
#include "gguf-inspect/views.hpp"
#include "gguf-inspect/words.hpp"

namespace ggufmap::inspect {

cli::Status show_tensors(const Subject& subject, const cli::Args& args, cli::Io& io) {
    using cli::Cell;
    using cli::Shows;
    const Model& model = *subject.model;
    const std::string glob = args.text("--tensors").value_or("");
    const bool sharded = model.shards().size() > 1;
    std::vector<cli::Column> columns = {{"name", "NAME"},
                                        {"type", "TYPE", Shows::word},
                                        {"dimensions", "SHAPE", Shows::word},
                                        {"parameters", "PARAMS", Shows::count},
                                        {"bytes", "SIZE", Shows::size},
                                        {"offset", "OFFSET", Shows::number}};
    const cli::Style style = subject.style(args);
    // Scripts find the same columns in every model.
    const bool show_shard = sharded || style.format != cli::Format::table;
    if (show_shard) columns.push_back({"shard", "SHARD", Shows::number});
    cli::Report report(io, style, columns);
    const Selection selection = cli::selection_from(args);
    selection.require_matches(model);
    bool any = false;
    for (const ModelTensor& tensor : model.tensors()) {
        const std::string name(tensor.info->name);
        if (!glob.empty() && ::fnmatch(glob.c_str(), name.c_str(), 0) != 0) continue;
        if (!selection.includes(*tensor.info)) continue;
        any = true;
        const auto dimensions = tensor.info->dimensions();
        std::vector<Cell> row = {name,
                                 type_name(tensor.info->type),
                                 std::vector<std::uint64_t>(dimensions.begin(), dimensions.end()),
                                 tensor.info->elements(),
                                 cli::or_unknown(tensor.info->bytes),
                                 model.shards()[tensor.shard].gguf.data_offset() + tensor.info->offset};
        if (show_shard) row.emplace_back(std::uint64_t{tensor.shard} + 1);
        report.row(row);
    }
    report.finish();
    if (any || (glob.empty() && selection.everything())) return cli::Status::ok;
    if (glob.empty()) throw Error(ErrorKind::usage, {subject.name}, "no tensor matches the selection");
    throw Error(
        ErrorKind::mismatch, {subject.name},
        fmt::format("no tensor matches '{}'{}", glob, selection.everything() ? "" : " and the selection"));
}

}  // namespace ggufmap::inspect
