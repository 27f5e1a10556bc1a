// Which options go together. What a view would ignore is refused, so that nobody trusts an answer to another
// question than the one asked.
#pragma once

#include "common/args.hpp"

namespace ggufmap::residency {

/// Throws Error (usage).
void refuse_contradictions(const cli::Args& args);

}  // namespace ggufmap::residency
