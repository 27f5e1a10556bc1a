// What a file is that is no GGUF: people are told what they have, not only what they have not.
#pragma once

#include <string>

#include "ggufmap/bytes.hpp"

namespace ggufmap::detail {

/// `start` is the beginning of the file (a few hundred bytes, or all of a shorter one). Returns a phrase such
/// as "a Git LFS pointer, not the model itself: run 'git lfs pull'"; "not a GGUF file" where nothing is
/// recognised.
std::string describe_foreign(Bytes start);

}  // namespace ggufmap::detail
