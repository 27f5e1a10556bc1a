// Small text files, whole.
#pragma once

#include <string>

namespace ggufmap::cli {

/// Throws Error (io).
std::string read_text_file(const std::string& path);
/// To the end; `name` is used in messages. Throws Error (io).
std::string read_text(int fd, const std::string& name);

}  // namespace ggufmap::cli
