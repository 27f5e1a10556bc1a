// --json: one document for all models, with layers and tensors.
#include "common/report.hpp"
#include "gguf-residency/mapped_by.hpp"
#include "gguf-residency/tables.hpp"
#include "gguf-residency/view.hpp"

namespace ggufmap::residency {
namespace {

void write_rows(JsonWriter& json, const std::string& key, const std::vector<cli::Column>& columns,
                const std::function<void(const RowSink&)>& rows) {
    json.key(key);
    cli::Report report(json, columns);
    rows([&](const std::vector<cli::Cell>& cells) { report.row(cells); });
    report.finish();
}

void write_model(const View& view, JsonWriter& json, const Model& model, std::size_t index,
                 const MappedBy& mapped, bool experts) {
    const std::vector<Portion> portions =
        measure(view.cache, model, experts ? with_all_experts(view.selection, model) : view.selection);
    LayerRows layers(mapped, index);
    for (const Portion& portion : portions) layers.add(portion);
    const CacheCounts& total = layers.total();
    json.begin_object();
    json.key("model");
    json.text(model.name());
    json.key("method");
    json.string(name_of(view.cache.method(model.shards().front().file)));
    json.key("size_bytes");
    json.number(total.total);
    json.key("resident_bytes");
    json.number_or_null(total.resident);
    json.key("dirty_bytes");
    json.number_or_null(total.dirty);
    json.key("writeback_bytes");
    json.number_or_null(total.writeback);
    json.key("evicted_bytes");
    json.number_or_null(total.evicted);
    json.key("recently_evicted_bytes");
    json.number_or_null(total.recently_evicted);
    write_rows(json, "layers", layer_columns(),
               [&](const RowSink& sink) { layers.write(cli::Format::json, sink); });
    write_rows(json, "tensors", portion_columns(true), [&](const RowSink& sink) {
        const auto add = portion_rows(true, mapped, index, cli::Format::json, sink);
        for (const Portion& portion : portions) add(portion);
    });
    json.end_object();
}

}  // namespace

cli::Status show_document(const View& view, Models models, bool experts) {
    const MappedBy mapped(view.processes, models);
    JsonWriter json(cli::json_sink(view.io));
    json.begin_object();
    json.key("schema");
    json.string("gguf-residency/1");
    json.key("models");
    json.begin_array();
    for (std::size_t i = 0; i < models.size(); ++i) write_model(view, json, models[i], i, mapped, experts);
    json.end_array();
    if (view.referenced) {
        json.key("referenced_bytes");
        json.number(*view.referenced);
    }
    json.end_object();
    json.finish();
    return cli::Status::ok;
}

}  // namespace ggufmap::residency
