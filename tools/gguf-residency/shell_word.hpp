// Words of commands that are printed to be copied.
#pragma once

#include <string>
#include <string_view>

namespace ggufmap::residency {

/// `path` as a shell takes it, without control bytes: quoted where it must be, by $'...' (bash, zsh, POSIX
/// 2024) where bytes would not survive a terminal, behind "./" where it would be an option.
std::string shell_word(std::string_view path);

}  // namespace ggufmap::residency
