// --budget: how much memory may be filled.
#pragma once

#include <cstdint>
#include <string>

#include "ggufmap/memory.hpp"

namespace ggufmap::prefault_tool {

/// Bytes for "6G", "50%" (of the memory of the machine, or of the control group where that is less) and
/// "auto" (what can be had without pushing others out). Throws Error (usage).
std::uint64_t budget_bytes(const std::string& text, const AvailableMemory& memory);

}  // namespace ggufmap::prefault_tool
