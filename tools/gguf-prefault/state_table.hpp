// The state of a keeper's models, as lines that travel through its socket and as tables.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/io.hpp"
#include "common/report.hpp"

namespace ggufmap::prefault_tool {

struct ModelState {
    std::string name;
    std::string path;
    std::string state;  ///< "loaded", "loading", "idle" (not loaded), "missing", "no room"
    std::uint64_t selected = 0;
    std::optional<std::uint64_t> resident;
    std::optional<std::uint64_t> locked;
    bool in_use = false;
    std::optional<std::uint64_t> idle_seconds;  ///< since its last use; nothing: none seen
};

/// One line a model; names are escaped, so that tabs and newlines part fields and lines.
std::string encode(const std::vector<ModelState>& states);
/// Throws Error (malformed) naming `source`.
std::vector<ModelState> decode(const std::string& text, const std::string& source);

void print(const std::vector<ModelState>& states, cli::Io& io, const cli::Style& style);

}  // namespace ggufmap::prefault_tool
