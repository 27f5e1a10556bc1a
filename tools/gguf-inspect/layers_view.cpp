// --layers: what each layer is made of, in bytes.
#include <fmt/format.h>

#include "gguf-inspect/views.hpp"
#include "ggufmap/layout.hpp"

namespace ggufmap::inspect {
namespace {

std::string label_of(const LayerAmounts& layer) {
    if (!layer.layer) return "outside";
    return layer.stack.empty() ? std::to_string(*layer.layer)
                               : fmt::format("{} {}", layer.stack, *layer.layer);
}

cli::Cell number_or_unknown(std::optional<double> number) {
    return number ? cli::Cell(*number) : cli::Cell();
}

}  // namespace

cli::Status show_layers(const Subject& subject, const cli::Args& args, cli::Io& io) {
    using cli::Shows;
    cli::Report report(io, subject.style(args),
                       {{"layer", "LAYER", Shows::word},
                        {"tensors", "TENSORS", Shows::number},
                        {"attention", "ATTN", Shows::size},
                        {"ffn", "FFN", Shows::size},
                        {"experts", "EXPERTS", Shows::size},
                        {"norms", "NORMS", Shows::size},
                        {"other", "OTHER", Shows::size},
                        {"bytes", "ALL", Shows::size},
                        {"parameters", "PARAMS", Shows::count},
                        {"bits_per_weight", "BPW", Shows::number}});
    for (const LayerAmounts& layer : amounts_by_layer(*subject.model)) {
        const Amount total = layer.total();
        const std::uint64_t other =
            layer[Part::embed].bytes + layer[Part::output].bytes + layer[Part::other].bytes;
        report.row({label_of(layer), total.tensors, layer[Part::attn].bytes, layer[Part::ffn].bytes,
                    layer[Part::experts].bytes, layer[Part::norm].bytes, other, total.bytes, total.elements,
                    number_or_unknown(total.bits_per_weight())});
    }
    report.finish();
    return cli::Status::ok;
}

}  // namespace ggufmap::inspect
