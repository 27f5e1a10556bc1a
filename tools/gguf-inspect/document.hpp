// What --json prints: one document for all models.
#pragma once

#include <functional>

#include "common/io.hpp"
#include "common/status.hpp"
#include "ggufmap/json.hpp"

namespace ggufmap::inspect {

/// {"schema": ..., "files": [...]}; `write_files` fills the array, and what it returns is returned.
cli::Status write_document(cli::Io& io, const std::function<cli::Status(JsonWriter&)>& write_files);

}  // namespace ggufmap::inspect
