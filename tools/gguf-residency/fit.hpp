// Is there what was asked for in this model? Told before anything is printed, so that a model without it does
// not cut the output of the others short.
#pragma once

#include <vector>

#include "common/args.hpp"
#include "gguf-residency/require.hpp"

namespace ggufmap::residency {

/// Throws Error (usage) where `selection` (that of the options), --experts or a requirement finds nothing in
/// the model: 100 % of nothing would look like an answer.
void refuse_unfitting(const cli::Args& args, const Selection& selection,
                      const std::vector<Requirement>& requirements, const Model& model);

}  // namespace ggufmap::residency
