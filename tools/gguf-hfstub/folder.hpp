// The Hugging Face folder, as the options ask for it.
#pragma once

#include "common/args.hpp"
#include "common/io.hpp"
#include "common/status.hpp"
#include "ggufmap/model.hpp"

namespace ggufmap::cli {

/// Makes the folder of --output, or with --dry-run lists it. Status::no where a part of it cannot be made.
Status make_folder(const Args& args, Io& io, const Model& model);

}  // namespace ggufmap::cli
