// Values of config.json that no single metadata key gives.
#pragma once

#include <optional>

#include "ggufmap/hf/node.hpp"
#include "hf/facts.hpp"

namespace ggufmap::hf::derivations {

using Value = std::optional<Node>;

Value vocabulary_rows(const Facts& facts);
Value tied(const Facts& facts);
Value head_dim(const Facts& facts);
Value plain_head_dim(const Facts& facts);
Value heads(const Facts& facts);
Value key_value_heads(const Facts& facts);
Value theta_or_default(const Facts& facts);
Value rotated_share_if_known(const Facts& facts);
Value rotated_share_or_quarter(const Facts& facts);
Value rotated_share_if_partial(const Facts& facts);
Value depth_scale(const Facts& facts);
Value base_size(const Facts& facts);
Value greedy_method(const Facts& facts);
Value query_scale(const Facts& facts);
Value expert_size(const Facts& facts);
Value shared_expert_size(const Facts& facts);
Value inner_size_if_unusual(const Facts& facts);
Value one_key_value_head(const Facts& facts);
Value no_ffn_norm(const Facts& facts);
Value parallel_residual(const Facts& facts);
Value whole_theta(const Facts& facts);
Value positions(const Facts& facts);
Value token_types(const Facts& facts);
Value mpt_expansion(const Facts& facts);
Value mpt_attention(const Facts& facts);
Value mamba_expansion(const Facts& facts);
Value either_epsilon(const Facts& facts);
Value unrotated_head_dim(const Facts& facts);
Value value_head_dim(const Facts& facts);
Value local_theta(const Facts& facts);
Value one(const Facts& facts);
Value seven(const Facts& facts);
Value alternating_layers(const Facts& facts);
Value sliding_layers(const Facts& facts);
Value mxfp4_quantization(const Facts& facts);

// What tells architectures apart that share a name.
bool is_gated(const Facts& facts);
bool is_mixture(const Facts& facts);
bool has_second_norm(const Facts& facts);
bool gates_by_sigmoid(const Facts& facts);
bool has_window(const Facts& facts);
bool normalizes_states(const Facts& facts);

}  // namespace ggufmap::hf::derivations
