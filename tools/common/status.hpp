// How a tool ends. In a pipeline, 1 means look at the model, 2 means look at the command or the machine.
#pragma once

#include <algorithm>

namespace ggufmap::cli {

enum class Status {
    ok = 0,       ///< done, or the answer is yes
    no = 1,       ///< the model is at fault, or the answer is no
    trouble = 2,  ///< usage, I/O, permission, space
};

/// What is left of a whole run when its parts ended so.
constexpr Status worst(Status a, Status b) { return std::max(a, b); }

}  // namespace ggufmap::cli
