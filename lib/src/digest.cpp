#include "ggufmap/digest.hpp"

#include <nettle/sha1.h>
#include <nettle/sha2.h>

#include <algorithm>
#include <cstdint>
#include <new>
#if defined(__x86_64__)
#include <xxh_x86dispatch.h>  // AVX2 and AVX-512 where the processor has them: 41 instead of 17 GB/s
#else
#include <xxhash.h>
#endif

#include "detail/append_hex.hpp"

namespace ggufmap {

struct Digest::State {
    virtual ~State() = default;
    virtual void update(Bytes bytes) = 0;
    virtual std::vector<std::byte> finish() = 0;
    virtual std::unique_ptr<State> copy() const = 0;
};

namespace {

template <typename Canonical>
std::vector<std::byte> canonical_bytes(const Canonical& canonical) {
    const auto* first = reinterpret_cast<const std::byte*>(canonical.digest);
    return {first, first + sizeof canonical.digest};
}

struct Xxh3 : Digest::State {
    struct Free {
        void operator()(XXH3_state_t* owned) const { XXH3_freeState(owned); }
    };
    std::unique_ptr<XXH3_state_t, Free> hash{XXH3_createState()};
    bool wide;

    explicit Xxh3(bool is_128) : wide(is_128) {
        if (!hash) throw std::bad_alloc();
        if (wide) {
            XXH3_128bits_reset(hash.get());
        } else {
            XXH3_64bits_reset(hash.get());
        }
    }
    void update(Bytes bytes) override {
        if (wide) {
            XXH3_128bits_update(hash.get(), bytes.data(), bytes.size());
        } else {
            XXH3_64bits_update(hash.get(), bytes.data(), bytes.size());
        }
    }
    std::vector<std::byte> finish() override {
        if (wide) {
            XXH128_canonical_t canonical;
            XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(hash.get()));
            return canonical_bytes(canonical);
        }
        XXH64_canonical_t canonical;
        XXH64_canonicalFromHash(&canonical, XXH3_64bits_digest(hash.get()));
        return canonical_bytes(canonical);
    }
    std::unique_ptr<State> copy() const override {
        auto other = std::make_unique<Xxh3>(wide);
        XXH3_copyState(other->hash.get(), hash.get());
        return other;
    }
};

struct Xxh64 : Digest::State {
    struct Free {
        void operator()(XXH64_state_t* owned) const { XXH64_freeState(owned); }
    };
    std::unique_ptr<XXH64_state_t, Free> hash{XXH64_createState()};

    Xxh64() {
        if (!hash) throw std::bad_alloc();
        XXH64_reset(hash.get(), 0);
    }
    void update(Bytes bytes) override { XXH64_update(hash.get(), bytes.data(), bytes.size()); }
    std::vector<std::byte> finish() override {
        XXH64_canonical_t canonical;
        XXH64_canonicalFromHash(&canonical, XXH64_digest(hash.get()));
        return canonical_bytes(canonical);
    }
    std::unique_ptr<State> copy() const override {
        auto other = std::make_unique<Xxh64>();
        XXH64_copyState(other->hash.get(), hash.get());
        return other;
    }
};

// Nettle and not libcrypto: the same speed (SHA-NI at run time), and a program that needs no SHA starts 1 ms
// sooner.
template <typename Context, auto init, auto feed, auto end, std::size_t size>
struct Sha : Digest::State {
    Context context{};

    Sha() { init(&context); }
    void update(Bytes bytes) override {
        feed(&context, bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()));
    }
    std::vector<std::byte> finish() override {
        std::vector<std::byte> digest(size);
        end(&context, digest.size(), reinterpret_cast<std::uint8_t*>(digest.data()));
        return digest;
    }
    std::unique_ptr<State> copy() const override { return std::make_unique<Sha>(*this); }
};
using Sha1 = Sha<sha1_ctx, nettle_sha1_init, nettle_sha1_update, nettle_sha1_digest, SHA1_DIGEST_SIZE>;
using Sha256 =
    Sha<sha256_ctx, nettle_sha256_init, nettle_sha256_update, nettle_sha256_digest, SHA256_DIGEST_SIZE>;

// llama-gguf-hash's name space: the UUIDv5 of "en.wikipedia.org/wiki/Llama.cpp" as a URL.
constexpr unsigned char uuid_namespace[16] = {0xef, 0x00, 0x12, 0x06, 0xda, 0xdc, 0x5f, 0x6d,
                                              0xa1, 0x5f, 0x33, 0x59, 0xe5, 0x77, 0xd4, 0xe5};

struct Uuid5 : Sha1 {
    Uuid5() { update(std::as_bytes(std::span(uuid_namespace))); }
    std::vector<std::byte> finish() override {
        std::vector<std::byte> uuid = Sha1::finish();
        uuid.resize(16);
        uuid[6] = (uuid[6] & std::byte{0x0f}) | std::byte{0x50};  // version 5
        uuid[8] = (uuid[8] & std::byte{0x3f}) | std::byte{0x80};  // variant 10
        return uuid;
    }
    std::unique_ptr<State> copy() const override { return std::make_unique<Uuid5>(*this); }
};

std::unique_ptr<Digest::State> make_state(DigestKind kind) {
    switch (kind) {
        case DigestKind::xxh3_64:
            return std::make_unique<Xxh3>(false);
        case DigestKind::xxh3_128:
            return std::make_unique<Xxh3>(true);
        case DigestKind::xxh64:
            return std::make_unique<Xxh64>();
        case DigestKind::sha1:
            return std::make_unique<Sha1>();
        case DigestKind::uuid:
            return std::make_unique<Uuid5>();
        case DigestKind::sha256:
            break;
    }
    return std::make_unique<Sha256>();
}

bool outruns_memory(DigestKind kind) {
    return kind == DigestKind::xxh3_64 || kind == DigestKind::xxh3_128 || kind == DigestKind::xxh64;
}

// The processor's own prefetching ends at every page: the block of the page after this one is asked for while
// this one is hashed, also where the bytes end, as more of them mostly lie behind. Weights in the page cache,
// 2.16 GiB, paired with plain updates: XXH3 0.92 of the time on two threads, 0.90 where one has the whole
// model's digest, XXH64 0.84 and 0.86. Blocks of half or twice this size, which is XXH3's own, lose that
// again.
void update_ahead(Digest::State& state, Bytes bytes) {
    constexpr std::size_t block = 1024;
    constexpr std::size_t prefetch_distance = 4096;
    constexpr std::size_t cache_line = 64;
    for (; bytes.size() > block; bytes = bytes.subspan(block)) {
        for (std::size_t line = 0; line < block; line += cache_line)
            __builtin_prefetch(bytes.data() + prefetch_distance + line);
        state.update(bytes.first(block));
    }
    state.update(bytes);
}

}  // namespace

std::string_view name_of(DigestKind kind) {
    switch (kind) {
        case DigestKind::xxh3_64:
            return "xxh3_64";
        case DigestKind::xxh3_128:
            return "xxh3";
        case DigestKind::xxh64:
            return "xxh64";
        case DigestKind::sha1:
            return "sha1";
        case DigestKind::uuid:
            return "uuid";
        case DigestKind::sha256:
            break;
    }
    return "sha256";
}

std::size_t digest_size(DigestKind kind) {
    switch (kind) {
        case DigestKind::xxh3_64:
        case DigestKind::xxh64:
            return 8;
        case DigestKind::xxh3_128:
        case DigestKind::uuid:
            return 16;
        case DigestKind::sha1:
            return 20;
        case DigestKind::sha256:
            break;
    }
    return 32;
}

Digest::Digest(DigestKind kind) : kind_(kind), state_(make_state(kind)) {}
Digest::Digest(DigestKind kind, std::unique_ptr<State> state) : kind_(kind), state_(std::move(state)) {}
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;
Digest::~Digest() = default;

void Digest::update(Bytes bytes) {
    if (outruns_memory(kind_)) return update_ahead(*state_, bytes);
    state_->update(bytes);
}

// In pieces that the first digest brings into the L1 cache and the second finds there, without asking the
// memory again: two XXH3-128 of 1 GiB 7.0 GB/s, one after the other in pieces of 256 KiB 5.3.
void Digest::update(Bytes bytes, Digest* other) {
    if (other == nullptr) return update(bytes);
    constexpr std::size_t most = 8192;
    while (!bytes.empty()) {
        const Bytes piece = bytes.first(std::min(bytes.size(), most));
        update(piece);
        other->state_->update(piece);
        bytes = bytes.subspan(piece.size());
    }
}

Digest Digest::copy() const { return {kind_, state_->copy()}; }

std::vector<std::byte> Digest::bytes() { return state_->finish(); }

std::string Digest::hex() { return hex_of(kind_, bytes()); }

std::string hex_of(DigestKind kind, Bytes digest) {
    std::string text;
    text.reserve(2 * digest.size() + 4);
    for (const std::byte byte : digest) {
        const bool dash = kind == DigestKind::uuid &&
                          (text.size() == 8 || text.size() == 13 || text.size() == 18 || text.size() == 23);
        if (dash) text += '-';
        detail::append_hex(text, std::to_integer<unsigned>(byte), 2);
    }
    return text;
}

std::string digest_hex(DigestKind kind, Bytes bytes) {
    Digest digest(kind);
    digest.update(bytes);
    return digest.hex();
}

}  // namespace ggufmap
