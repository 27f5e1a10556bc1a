// Why the kernel does not tell what is resident, and who would be told.
#pragma once

#include <string>

#include "gguf-residency/view.hpp"

namespace ggufmap::residency {

/// The reason for a file of which `cache` knows nothing. `method`: that of --method.
std::string why_unknown(const std::string& method, const File& file);
/// The same with the name of a model, for the first of which a file's residency is unknown; "" where all is
/// known.
std::string first_unknown(const View& view, Models models);

}  // namespace ggufmap::residency
