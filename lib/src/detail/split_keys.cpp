#include "detail/split_keys.hpp"

#include <fmt/format.h>

#include <vector>

#include "ggufmap/error.hpp"

namespace ggufmap::detail {
namespace {

constexpr std::string_view number_key = "split.no";
constexpr std::string_view count_key = "split.count";
constexpr std::string_view tensors_key = "split.tensors.count";
constexpr std::string_view padding_key = "ggufmap.padding";
constexpr std::string_view source_prefix = "ggufmap.source.";

bool belongs_to_shard(std::string_view key) {
    return key == number_key || key == count_key || key == tensors_key || key == padding_key;
}

}  // namespace

std::string key_in_shard(std::string_view original) {
    if (!belongs_to_shard(original) && !original.starts_with(source_prefix)) return std::string(original);
    return std::string(source_prefix) += original;
}

std::optional<std::string> key_in_original(std::string_view in_shard) {
    if (belongs_to_shard(in_shard)) return std::nullopt;
    if (in_shard.starts_with(source_prefix)) {
        const std::string_view original = in_shard.substr(source_prefix.size());
        if (key_in_shard(original) == in_shard) return std::string(original);
    }
    return std::string(in_shard);
}

void add_split_keys(HeaderWriter& header, std::uint16_t number, std::uint16_t count, std::uint64_t tensors) {
    header.add(number_key, number);
    header.add(count_key, count);
    header.add(tensors_key, static_cast<std::int32_t>(tensors));
}

void add_padding_key(HeaderWriter& header, std::uint64_t bytes) {
    const std::vector<std::uint8_t> zeros(bytes);
    header.add(padding_key, std::span<const std::uint8_t>(zeros));
}

void require_readable(std::string_view header, const std::string& name, std::string_view otherwise) {
    MemorySource source(as_bytes(header), name);
    try {
        (void)parse(source);
    } catch (const Error& error) {
        throw Error(error.kind(), {name, error.where().place},
                    fmt::format("{}: {}", otherwise, error.reason()));
    }
}

void add_alignment_key(HeaderWriter& header, std::uint64_t alignment) {
    if (alignment != default_alignment)
        header.add("general.alignment", static_cast<std::uint32_t>(alignment));
}

}  // namespace ggufmap::detail
