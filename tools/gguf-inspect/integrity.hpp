// The views that read weights: digests, verification, scans, comparison.
#pragma once

#include <set>
#include <string>

#include "common/args.hpp"
#include "common/io.hpp"
#include "common/options.hpp"
#include "common/progress.hpp"
#include "common/report.hpp"
#include "common/status.hpp"
#include "ggufmap/manifest.hpp"
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
    cli::Style style;    ///< rows for scripts tell several models apart
    JsonWriter* json;    ///< takes an object for each model; null without --json
    Manifest* manifest;  ///< what --verify names; null without, and with --verify=name
    bool last;           ///< nobody needs the manifest after this model
    ReadOptions read = {};
};

// One view a file.
cli::Status show_digests(const Weights& weights, const cli::Args& args, cli::Io& io);
cli::Status show_verification(const Weights& weights, const cli::Args& args, cli::Io& io);
cli::Status show_scan(const Weights& weights, const cli::Args& args, cli::Io& io);
cli::Status show_difference(const Weights& weights, const cli::Args& args, cli::Io& io);
/// --in-memory without --hash and --verify.
cli::Status show_cache_faults(const Weights& weights, const cli::Args& args, cli::Io& io);

/// Begins the object of a model in the JSON document: its path.
void begin_object(const Weights& weights);

/// Tells errors that are about one tensor or file each, and one that they have in common, such as that the
/// file has changed, only once.
class Complaints {
public:
    Complaints(const cli::Args& args, cli::Io& io) : args_(args), io_(io) {}
    /// `thing` is left out where the error has no offset: then it is about the whole file.
    void tell(const Error& error, std::string_view thing);
    /// How bad it was: ok, no or trouble.
    cli::Status status() const { return status_; }

private:
    const cli::Args& args_;
    cli::Io& io_;
    std::set<std::string> told_;
    cli::Status status_ = cli::Status::ok;
};

/// The file that --verify names, "-" for standard input; any file that can be read once.
Manifest read_manifest(const std::string& path, cli::Io& io);

/// "39 tensors", "1 tensor".
std::string counted(std::uint64_t count, std::string_view what);

}  // namespace ggufmap::inspect
