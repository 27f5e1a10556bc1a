// Lists of digests: those that llama-gguf-hash writes, of tensors and whole models, and those of xxhsum,
// sha256sum and sha1sum, of files. Names in them are compared, never opened.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ggufmap/digest.hpp"
#include "ggufmap/export.hpp"

namespace ggufmap {

/// A digest, most significant byte first; what is behind its digest_size() is 0. A manifest may have 500,000.
using DigestBytes = std::array<std::byte, 32>;

/// As hex_of() writes it.
GGUFMAP_API std::string hex_of(DigestKind kind, const DigestBytes& digest);
/// Of upper or lower case, a uuid with or without its dashes; nothing where it is no digest of that kind.
GGUFMAP_API std::optional<DigestBytes> parse_hex(DigestKind kind, std::string_view hex);

/// One line by itself.
struct ManifestLine {
    DigestKind kind;
    DigestBytes digest;
    std::string name;  ///< "FILE:TENSOR", "FILE"; as it is, whatever bytes
    bool of_file;      ///< a digest of a file's bytes (xxhsum, sha256sum); else of weights (llama-gguf-hash)
};

/// The same in a list; its name lives as long as a copy of the Manifest does.
struct ManifestEntry {
    DigestKind kind;
    bool of_file;
    std::uint32_t line;
    DigestBytes digest;
    std::string_view name;
};

struct Manifest {
    std::vector<ManifestEntry> entries;
    std::vector<std::uint32_t>
        unknown;  ///< numbers of lines that say nothing we know, empty ones, comments (#) and --scan's aside
    std::shared_ptr<const std::string> text;                   ///< what the names are parts of
    std::shared_ptr<const std::deque<std::string>> unescaped;  ///< names that are not, as they had escapes
};

/// One line without its newline; nothing where it is none of those below.
GGUFMAP_API std::optional<ManifestLine> parse_manifest_line(std::string_view line);

/// Takes, line by line and mixed:
/// - "xxh64     HEX  FILE:TENSOR" and "xxh64     HEX  FILE", also xxh3, xxh3_64, sha1, sha256, uuid;
/// - "HEX  FILE" and "HEX *FILE": 16 digits are XXH64, 32 XXH3-128, 40 SHA-1, 64 SHA-256; "XXH3_HEX  FILE";
/// - "SHA256 (FILE) = HEX", also XXH3, XXH64, XXH128, SHA1.
/// A line that begins with a backslash has \\, \n and \r in its name escaped, as coreutils do.
/// A line of more than 16 KiB is none of these. Throws Error (usage) naming `name` when no line is any of
/// these.
GGUFMAP_API Manifest parse_manifest(std::string text, const std::string& name);

/// A llama-gguf-hash line without newline; `name` is "FILE" or "FILE:TENSOR".
GGUFMAP_API std::string weights_line(DigestKind kind, std::string_view hex, std::string_view name);
/// A line that xxhsum -c, sha1sum -c or sha256sum -c accepts, without newline.
GGUFMAP_API std::string file_line(DigestKind kind, std::string_view hex, std::string_view name);

/// The part behind the last slash.
GGUFMAP_API std::string_view base_name(std::string_view path);

}  // namespace ggufmap
