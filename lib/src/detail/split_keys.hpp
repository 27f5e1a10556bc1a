// The metadata that makes a shard of a model, and how the model's own metadata is told from it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ggufmap/gguf.hpp"
#include "ggufmap/write.hpp"

namespace ggufmap::detail {

/// A key of an original as shards store it. Models that once were shards themselves still have the split keys
/// (llama-gguf-split --merge leaves them): such a key gets a prefix, so that nothing is lost.
std::string key_in_shard(std::string_view original);

/// The reverse for a key that key_in_shard() has made, others stay as they are; nothing for keys that belong
/// to the shard and not to the original.
std::optional<std::string> key_in_original(std::string_view in_shard);

/// The three keys in the order of llama-gguf-split, which are the last ones of its shards.
void add_split_keys(HeaderWriter& header, std::uint16_t number, std::uint16_t count, std::uint64_t tensors);
inline constexpr std::uint64_t split_keys_size = 22 + 25 + 35;

/// Makes a header longer. No loader looks at it.
void add_padding_key(HeaderWriter& header, std::uint64_t bytes);
/// What the key takes when it pads by 0 bytes.
inline constexpr std::uint64_t padding_key_size = 8 + 15 + 4 + 4 + 8;

/// That a header of our own can be read again by everyone with the usual limits, before anything is written.
/// Throws Error of the kind that parse() throws, about `name`; the reason begins with `otherwise`.
void require_readable(std::string_view header, const std::string& name, std::string_view otherwise);

/// Tells a loader of later shards, which do not have the model's metadata, what offsets are aligned to. Not
/// needed for the default.
void add_alignment_key(HeaderWriter& header, std::uint64_t alignment);
inline constexpr std::uint64_t alignment_key_size = 8 + 17 + 4 + 4;
inline constexpr std::uint64_t default_alignment = 32;

}  // namespace ggufmap::detail
