// Spelling to token id: an open-addressing hash table over the pieces of a vocabulary. Rebuilding the merges
// of 262,144 tokens asks it about three million times.
#pragma once

#include <xxhash.h>

#include <bit>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string_view>
#include <vector>

namespace ggufmap::hf {

class TokenIndex {
public:
    /// Room for `count` of `pieces`, which must outlive this and stay where they are.
    TokenIndex(std::span<const std::string_view> pieces, std::size_t count)
        : pieces_(pieces), slots_(std::bit_ceil(2 * count + 2)), seed_(std::random_device{}()) {}

    /// False, and nothing changes, where an earlier token is spelled like `id`.
    bool insert(std::uint32_t id) {
        const std::uint64_t hash = hash_of(pieces_[id]);
        Slot& slot = slots_[locate(pieces_[id], hash)];
        if (slot.tag != 0) return false;
        slot = {id, tag_of(hash)};
        return true;
    }

    std::optional<std::uint32_t> find(std::string_view piece) const {
        const Slot& slot = slots_[locate(piece, hash_of(piece))];
        if (slot.tag == 0) return std::nullopt;
        return slot.id;
    }

private:
    struct Slot {
        std::uint32_t id = 0;
        std::uint32_t tag = 0;  ///< part of the hash, so that most strangers are told apart unread; 0: free
    };

    /// Seeded, so that no file can be made whose tokens all collide.
    std::uint64_t hash_of(std::string_view piece) const {
        return XXH3_64bits_withSeed(piece.data(), piece.size(), seed_);
    }
    static std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32) | 1; }

    /// The slot that holds `piece`, or the free one where it belongs.
    std::size_t locate(std::string_view piece, std::uint64_t hash) const {
        const std::size_t mask = slots_.size() - 1;
        std::size_t at = hash & mask;
        while (slots_[at].tag != 0 && (slots_[at].tag != tag_of(hash) || pieces_[slots_[at].id] != piece))
            at = (at + 1) & mask;
        return at;
    }

    std::span<const std::string_view> pieces_;
    std::vector<Slot> slots_;
    std::uint64_t seed_;
};

}  // namespace ggufmap::hf
