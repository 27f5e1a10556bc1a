// One run at a time.
#pragma once

#include <string>

namespace ggufmap::detail {

/// Takes the lock of an open file, which lasts until it is closed or the process ends, however it does.
/// Throws Error (io) where another run has it. A file system without locks has none for us, either.
void require_lone_run(int fd, const std::string& shown);

}  // namespace ggufmap::detail
