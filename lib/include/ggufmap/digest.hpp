// Digests of byte streams.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ggufmap/bytes.hpp"
#include "ggufmap/export.hpp"

namespace ggufmap {

enum class DigestKind {
    xxh3_64,
    xxh3_128,
    xxh64,
    sha1,
    sha256,
    uuid,  ///< a UUIDv5 (RFC 9562): SHA-1 of llama-gguf-hash's name space and the bytes
};

/// "xxh3_64", "xxh3", "xxh64", "sha1", "sha256", "uuid": the words that manifests and options use.
GGUFMAP_API std::string_view name_of(DigestKind kind);

/// Bytes of a digest.
GGUFMAP_API std::size_t digest_size(DigestKind kind);
/// Those bytes in lower-case hex, as xxhsum and sha256sum print them; a uuid with its dashes.
GGUFMAP_API std::string hex_of(DigestKind kind, Bytes digest);

/// One digest, fed piece by piece. Costs on a 2-core Zen 4 with data in cache: XXH3 41 GB/s a thread
/// (run-time dispatch to AVX-512; 17 without), XXH64 13, SHA-256 1.8 with SHA-NI. Move-only; not thread-safe.
class GGUFMAP_API Digest {
public:
    explicit Digest(DigestKind kind);
    Digest(Digest&&) noexcept;
    Digest& operator=(Digest&&) noexcept;
    ~Digest();

    DigestKind kind() const { return kind_; }
    void update(Bytes bytes);
    /// Feeds `other` the same bytes, too, unless it is null: one pass over the memory for both.
    void update(Bytes bytes, Digest* other);
    /// One that has been fed the same and goes its own way from here.
    Digest copy() const;
    /// The digest of all that was fed, as hex_of() writes it. May be asked once.
    std::string hex();
    /// The same as bytes, most significant first.
    std::vector<std::byte> bytes();

    struct State;

private:
    Digest(DigestKind kind, std::unique_ptr<State> state);

    DigestKind kind_;
    std::unique_ptr<State> state_;
};

/// The digest of one piece.
GGUFMAP_API std::string digest_hex(DigestKind kind, Bytes bytes);

}  // namespace ggufmap
