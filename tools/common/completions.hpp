// Completion scripts for bash, zsh and fish, written from the option table.
#pragma once

#include <string>
#include <string_view>

#include "common/options.hpp"

namespace ggufmap::cli {

/// The script for `shell` ("bash", "zsh", "fish"); throws Error (usage) for another.
std::string completion_script(const Tool& tool, std::string_view shell);

}  // namespace ggufmap::cli
