// Processes that have one memory between them (clone with CLONE_VM, vfork).
#pragma once

#include <string>
#include <vector>

#include "ggufmap/process.hpp"

namespace ggufmap::detail {

/// Fills in Mapper::memory_of. Nothing is found where kcmp(2) is not permitted, or `proc` numbers processes
/// otherwise than our own PID namespace.
void mark_shared_memory(const std::string& proc, std::vector<Mapper>& mappers);

}  // namespace ggufmap::detail
