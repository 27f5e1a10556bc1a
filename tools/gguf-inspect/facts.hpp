// What people want to know first about a model, gathered from metadata and tensors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/report.hpp"
#include "ggufmap/check.hpp"
#include "ggufmap/layout.hpp"

namespace ggufmap::inspect {

struct TypeShare {
    std::string type;
    Amount amount;
    double percent;  ///< of the bytes of all tensors
};
/// Largest first.
std::vector<TypeShare> types_of(const Model& model);

/// A number, or the least and the most where layers differ.
struct Span {
    std::uint64_t least;
    std::uint64_t most;
};

struct Facts {
    ModelKind kind;
    std::optional<std::string> name;
    std::optional<std::string> architecture;
    std::optional<std::string> size_label;
    std::optional<std::string> license;
    std::optional<std::string> file_type;

    Parameters parameters;
    std::optional<double> bits_per_weight;
    std::vector<TypeShare> types;

    std::optional<std::uint64_t> context;
    std::optional<std::uint64_t> sliding_window;
    std::optional<std::uint64_t> layers;
    std::optional<std::uint64_t> embedding;
    std::optional<Span> feed_forward;
    std::optional<Span> heads;
    std::optional<Span> kv_heads;
    std::optional<std::uint64_t> head_size;
    std::optional<std::uint64_t> experts;
    std::optional<std::uint64_t> experts_used;
    std::optional<std::uint64_t> experts_shared;

    std::optional<double> rope_base;
    std::optional<std::uint64_t> rope_dimensions;
    std::optional<std::string> rope_scaling;
    std::optional<double> rope_factor;
    std::optional<std::uint64_t> rope_original_context;

    std::optional<std::string> tokenizer;
    std::optional<std::string> pre_tokenizer;
    std::optional<std::uint64_t> tokens;
    std::optional<std::uint64_t> merges;
    std::optional<std::uint64_t> chat_template_bytes;

    std::uint64_t shards;
    std::uint64_t shards_wanted;
    std::optional<std::uint64_t> file_bytes;  ///< of all shards; unknown for a header from a pipe
    std::uint64_t header_bytes;               ///< of all shards
    std::uint64_t tensor_bytes;
    std::optional<std::uint64_t> data_offset;  ///< in the first shard; nothing where it has no tensors
    std::uint64_t keys;
    std::uint64_t tensors;
};

Facts facts_of(const Model& model);

/// The same under the names that JSON and TSV use, unknown facts left out.
std::vector<std::pair<std::string, cli::Cell>> cells_of(const Facts& facts);

}  // namespace ggufmap::inspect
