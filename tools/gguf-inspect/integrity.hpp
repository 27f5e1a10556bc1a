// The views that read weights: digests, verification, scans, comparison.
#pragma once

#include "common/args.hpp"
#include "common/io.hpp"
#include "common/options.hpp"
#include "common/progress.hpp"
#include "common/status.hpp"
#include "ggufmap/model.hpp"
#include "ggufmap/select.hpp"
#include "ggufmap/weights.hpp"

namespace ggufmap::inspect {

/// --hash, --verify, --scan, --diff, --in-memory and what goes with them.
cli::Group integrity_options();
/// --tensor, --layer, --part, --expert: what the views below look at.
cli::Group tensor_selection();
/// Whether any of these views is asked for.
bool asks_for_integrity(const cli::Args& args);
/// Opens the models itself.
cli::Status show_integrity(const cli::Args& args, cli::Io& io);

/// What a view of one model works with.
struct Weights {
    const Model& model;
    const std::string& name;  ///< as on the command line
    Selection selection;
    ReadOptions read;
};

// One view a file.
cli::Status show_digests(const Weights& weights, const cli::Args& args, cli::Io& io);
cli::Status show_verification(const Weights& weights, const cli::Args& args, cli::Io& io);
cli::Status show_scan(const Weights& weights, const cli::Args& args, cli::Io& io);
cli::Status show_difference(const Weights& weights, const cli::Args& args, cli::Io& io);
/// --in-memory without --hash and --verify.
cli::Status show_cache_faults(const Weights& weights, const cli::Args& args, cli::Io& io);

/// Tells an error that is about one tensor or file and says how bad it is: no or trouble.
cli::Status tell(const Error& error, std::string_view thing, const cli::Args& args, cli::Io& io);

/// "39 tensors", "1 tensor".
std::string counted(std::uint64_t count, std::string_view what);

}  // namespace ggufmap::inspect
