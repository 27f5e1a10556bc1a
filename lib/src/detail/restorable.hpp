// The one header that tensors and metadata give when they are written contiguously.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ggufmap/model.hpp"

namespace ggufmap::detail {

/// Throws Error: malformed where the model is truncated; unsupported, with the reason, where its bytes are
/// not those that stitching GGUF shards gives.
void require_restorable(const Model& model);

}  // namespace ggufmap::detail
