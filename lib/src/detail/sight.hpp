// Who may see which processes.
#pragma once

#include <string>

#include "ggufmap/process.hpp"

namespace ggufmap::detail {

/// Our own PID, as /proc numbers it; 0 where `proc` is not the kernel's.
int self_in(const std::string& proc);

/// Fills in all but not_permitted, which must be right already.
void judge_sight(const std::string& proc, Scan& scan);

}  // namespace ggufmap::detail
