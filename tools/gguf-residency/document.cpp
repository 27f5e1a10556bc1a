// --json: one document for all models, with layers and tensors.
#include "common/report.hpp"
#include "gguf-residency/mapped_by.hpp"
#include "gguf-residency/tables.hpp"
#include "gguf-residency/view.hpp"
#include "gguf-residency/watch.hpp"

namespace ggufmap::residency {
namespace {

// Tensors come first, as they are measured: a hostile model has 65,536 experts in each of them, which are not
// to be kept until totals and layers are known.
void write_model(const View& view, JsonWriter& json, const Model& model, std::size_t index,
                 const MappedBy& mapped, bool experts) {
    json.begin_object();
    json.key("model");
    json.text(model.name());
    json.key("method");
    json.string(name_of(view.cache.method(model.shards().front().file)));
    json.key("size_bytes");
    json.number(model.file_bytes());
    LayerRows layers(mapped, index);
    json.key("tensors");
    cli::Report tensors(json, portion_columns(true));
    const auto add = portion_rows(true, mapped, index, cli::Format::json,
                                  [&](const std::vector<cli::Cell>& cells) { tensors.row(cells); });
    measure_each(view.cache, model, experts ? with_experts(view.selection, model) : view.selection,
                 [&](const Portion& portion) {
                     layers.add(portion);
                     add(portion);
                 });
    tensors.finish();
    json.key("layers");
    cli::Report rows(json, layer_columns());
    layers.write(cli::Format::json, [&](const std::vector<cli::Cell>& cells) { rows.row(cells); });
    rows.finish();
    const CacheCounts& total = layers.total();
    if (experts || !view.selection.everything()) {
        json.key("selected_bytes");
        json.number(total.total);
    }
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
    json.end_object();
}

}  // namespace

void begin_document(JsonWriter& json, const View& view) {
    json.begin_object();
    json.key("schema");
    json.string("gguf-residency/1");
    if (view.rates == nullptr) return;
    json.key("rates");
    if (!*view.rates) return json.null();
    const Rates& rates = **view.rates;
    const auto number = [&](const char* key, std::optional<double> value) {
        json.key(key);
        value ? json.number(*value) : json.null();
    };
    json.begin_object(JsonWriter::Layout::inline_);
    number("in_bytes_per_second", rates.in);
    number("out_bytes_per_second", rates.out);
    number("major_faults_per_second", rates.major_faults);
    number("disk_bytes_per_second", rates.disk);
    number("memory_pressure_percent", rates.memory_pressure);
    number("io_pressure_percent", rates.io_pressure);
    json.key("complete");
    json.boolean(rates.all_seen);
    json.end_object();
}

cli::Status show_document(const View& view, Models models, bool experts) {
    const MappedBy mapped(view.processes, models);
    JsonWriter json(cli::json_sink(view.io));
    begin_document(json, view);
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
