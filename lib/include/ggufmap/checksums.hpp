// Checksum lists: lines of "DIGEST  NAME", as xxhsum -H2 prints them and xxhsum -c reads them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ggufmap/export.hpp"
#include "ggufmap/file.hpp"
#include "ggufmap/output.hpp"

namespace ggufmap {

/// XXH3-128 of a file.
struct Checksum {
    std::string name;  ///< without directory; a path from the list's directory for what lies elsewhere
    std::string hex;   ///< 32 lower-case digits
    /// No name leads from the list to the file: there as the comment "# DIGEST  NAME", which xxhsum -c skips
    /// (0.8.1 with a remark).
    bool elsewhere = false;

    bool operator==(const Checksum&) const = default;
};

/// Ends in ".xxh128".
inline constexpr std::string_view checksum_suffix = ".xxh128";

GGUFMAP_API std::string format_checksums(const std::vector<Checksum>& checksums);

/// What a list in `directory` calls that file: xxhsum -c, run there, finds it. Nothing where no name leads
/// from the one to the other, or it does not fit in a line.
GGUFMAP_API std::optional<std::string> name_in_list(const OutputDirectory& directory, const File& file);

/// Sorted by name; of equal names the first in the list comes first. Lines as parse_manifest() takes them;
/// empty ones and those that begin with # are left out, but for digests of files elsewhere. Throws Error
/// (malformed) naming `file` and the line for anything else that is no XXH128 of a file.
GGUFMAP_API std::vector<Checksum> parse_checksums(std::string_view text, const std::string& file);
/// Throws Error (limit) over 32 MiB, too.
GGUFMAP_API std::vector<Checksum> read_checksums(const File& file);

/// As find_checksum() wants them.
GGUFMAP_API void sort_by_name(std::vector<Checksum>& checksums);
/// The digest of a file beside a list that is sorted by name; nothing where there is none.
GGUFMAP_API std::optional<std::string> find_checksum(const std::vector<Checksum>& sorted,
                                                     std::string_view name);

}  // namespace ggufmap
