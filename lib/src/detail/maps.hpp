// /proc/PID/maps and /proc/PID/smaps, line by line.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "ggufmap/process.hpp"

namespace ggufmap::detail {

/// START-END PERMISSIONS OFFSET MAJOR:MINOR INODE PATH
struct MapsLine {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::string_view permissions;  ///< "r--s"
    std::uint64_t offset = 0;
    MapsIdentity identity;
    std::string_view path;  ///< newlines are \012; ends with " (deleted)" for a file without a name
};
/// Nothing for any other line, those of smaps among them.
std::optional<MapsLine> parse_maps_line(std::string_view line);

/// The name that a file had, from a path in the maps of the process whose folder this is (/proc/PID); nothing
/// where it still has it: a file may be called "x (deleted)", too.
std::optional<std::string> deleted_name(const std::string& folder, std::uint64_t inode,
                                        const std::string& path);

/// Sums the entries of `smaps` that begin at an address which `wanted` accepts.
MappingCost sum_smaps(std::string_view smaps, const std::function<bool(std::uint64_t)>& wanted);

}  // namespace ggufmap::detail
