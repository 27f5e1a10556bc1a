// Checksum lists: lines of "DIGEST  NAME", as xxhsum -H2 prints them and xxhsum -c reads them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ggufmap/export.hpp"
#include "ggufmap/file.hpp"

namespace ggufmap {

/// XXH3-128 of a file.
struct Checksum {
    std::string name;  ///< without directory
    std::string hex;   ///< 32 lower-case digits
    /// Not beside the list: there as the comment "# DIGEST  NAME", which xxhsum -c does not look for.
    bool elsewhere = false;

    bool operator==(const Checksum&) const = default;
};

/// Ends in ".xxh128".
inline constexpr std::string_view checksum_suffix = ".xxh128";

GGUFMAP_API std::string format_checksums(const std::vector<Checksum>& checksums);

/// Sorted by name; of equal names the first in the list comes first. Empty lines and lines that begin with #
/// are left out, but for digests of files elsewhere. Throws Error (malformed) naming `file` and the line for
/// anything else that is no checksum of a plain file name.
GGUFMAP_API std::vector<Checksum> parse_checksums(std::string_view text, const std::string& file);
/// Throws Error (limit) over 32 MiB, too.
GGUFMAP_API std::vector<Checksum> read_checksums(const File& file);

/// As find_checksum() wants them.
GGUFMAP_API void sort_by_name(std::vector<Checksum>& checksums);
/// The digest of a file beside a list that is sorted by name; nothing where there is none.
GGUFMAP_API std::optional<std::string> find_checksum(const std::vector<Checksum>& sorted,
                                                     std::string_view name);

}  // namespace ggufmap
