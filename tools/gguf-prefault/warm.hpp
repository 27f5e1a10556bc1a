// Options of warming that more than one action reads.
#pragma once

#include <cstdint>
#include <optional>

#include "common/args.hpp"

namespace ggufmap::prefault_tool {

/// --rate in bytes a second. Throws Error (usage).
std::optional<std::uint64_t> rate_from(const cli::Args& args);

}  // namespace ggufmap::prefault_tool
