// --types: how much there is of each tensor type.
#include "gguf-inspect/facts.hpp"
#include "gguf-inspect/views.hpp"

namespace ggufmap::inspect {

cli::Status show_types(const Subject& subject, const cli::Args& args, cli::Io& io) {
    using cli::Shows;
    cli::Report report(io, subject.style(args),
                       {{"type", "TYPE", Shows::word},
                        {"tensors", "TENSORS", Shows::number},
                        {"parameters", "PARAMS", Shows::count},
                        {"bytes", "SIZE", Shows::size},
                        {"share", "SHARE", Shows::percent},
                        {"bits_per_weight", "BPW", Shows::number}});
    for (const TypeShare& share : types_of(*subject.model)) {
        const auto bits = share.amount.bits_per_weight();
        report.row({share.type, share.amount.tensors, share.amount.elements, share.amount.bytes,
                    share.percent, bits ? cli::Cell(*bits) : cli::Cell()});
    }
    report.finish();
    return cli::Status::ok;
}

}  // namespace ggufmap::inspect
