// Checksum lists: lines of "DIGEST  NAME", as xxhsum -H2 prints them and xxhsum -c reads them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ggufmap/export.hpp"
#include "ggufmap/file.hpp"

namespace ggufmap {

/// XXH3-128 of a file that lies beside the list.
struct Checksum {
    std::string name;  ///< without directory
    std::string hex;   ///< 32 lower-case digits

    bool operator==(const Checksum&) const = default;
};

/// Ends in ".xxh128".
inline constexpr std::string_view checksum_suffix = ".xxh128";

GGUFMAP_API std::string format_checksums(const std::vector<Checksum>& checksums);

/// Empty lines and lines that begin with # are left out. Throws Error (malformed) naming `file` and the line
/// for anything else that is no checksum of a plain file name.
GGUFMAP_API std::vector<Checksum> parse_checksums(std::string_view text, const std::string& file);
/// Throws Error (limit) over 64 MiB, too.
GGUFMAP_API std::vector<Checksum> read_checksums(const File& file);

/// The digest listed for a file; nothing where there is none.
GGUFMAP_API std::optional<std::string> find_checksum(const std::vector<Checksum>& checksums,
                                                     std::string_view name);

}  // namespace ggufmap
