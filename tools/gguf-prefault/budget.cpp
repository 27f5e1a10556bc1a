#include "gguf-prefault/budget.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "common/numbers.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap::prefault_tool {
namespace {

std::uint64_t all_memory(const AvailableMemory& memory) {
    std::uint64_t bytes = memory.host.total;
    for (const CgroupMemory& group : memory.cgroups) bytes = std::min(bytes, group.limit.value_or(bytes));
    return bytes;
}

}  // namespace

std::uint64_t budget_bytes(const std::string& text, const AvailableMemory& memory) {
    if (text == "auto") return memory.bytes;
    if (const auto percent = text.ends_with('%') ? cli::parse_percent(text) : std::nullopt)
        return static_cast<std::uint64_t>(static_cast<double>(all_memory(memory)) * *percent / 100);
    if (const auto size = cli::parse_size(text)) return *size;
    throw Error(ErrorKind::usage, {},
                fmt::format("'{}' is no size, wanted for example 6G, 50% or auto", text));
}

}  // namespace ggufmap::prefault_tool
