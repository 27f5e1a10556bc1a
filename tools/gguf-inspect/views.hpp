// The views, one a file. Each prints one model whose header could be read (show_check and show_json: any) in
// the format that is asked for, and says how that ended.
#pragma once

#include "common/args.hpp"
#include "common/io.hpp"
#include "common/report.hpp"
#include "common/status.hpp"
#include "gguf-inspect/subject.hpp"

namespace ggufmap::inspect {

cli::Status show_summary(const Subject& subject, const cli::Args& args, cli::Io& io);
cli::Status show_keys(const Subject& subject, const cli::Args& args, cli::Io& io);
cli::Status show_values(const Subject& subject, const cli::Args& args, cli::Io& io);
cli::Status show_tensors(const Subject& subject, const cli::Args& args, cli::Io& io);
cli::Status show_layers(const Subject& subject, const cli::Args& args, cli::Io& io);
cli::Status show_types(const Subject& subject, const cli::Args& args, cli::Io& io);
cli::Status show_map(const Subject& subject, const cli::Args& args, cli::Io& io);
cli::Status show_check(const Subject& subject, const cli::Args& args, cli::Io& io);
cli::Status extract(const Subject& subject, const cli::Args& args, cli::Io& io);

/// All models in one document; opens them itself.
cli::Status show_json(Depth depth, const cli::Args& args, cli::Io& io);

}  // namespace ggufmap::inspect
