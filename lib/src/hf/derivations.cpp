#include "hf/derivations.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>

#include "hf/tensor_types.hpp"

namespace ggufmap::hf::derivations {
namespace {

constexpr std::uint64_t most_layers = 10'000;  // a number in a file; lists are as long as it says

std::optional<double> rotated_share(const Facts& facts) {
    const auto rotated = facts.number("rope.dimension_count");
    const std::uint64_t all = facts.hidden_size() / facts.heads();
    if (!rotated || all == 0) return std::nullopt;
    return static_cast<double>(*rotated) / static_cast<double>(all);
}

Value first_of(const Facts& facts, std::string_view key, std::string_view tensor) {
    if (const auto number = facts.number(key)) return Node(*number);
    const auto rows = facts.rows(tensor);
    return rows ? Value(*rows) : std::nullopt;
}

Value layer_types(const Facts& facts, const std::function<bool(std::uint64_t)>& slides) {
    Array layers;
    for (std::uint64_t i = 0; i < std::min(facts.layers(), most_layers); ++i)
        layers.emplace_back(slides(i) ? "sliding_attention" : "full_attention");
    return Node(std::move(layers));
}

std::uint64_t ratio(std::uint64_t of, std::uint64_t to) { return to == 0 ? 0 : of / to; }

}  // namespace

Value vocabulary_rows(const Facts& facts) {
    if (const auto rows = facts.rows("token_embd.weight")) return Node(*rows);  // the tensor is the truth
    if (const auto stated = facts.number("vocab_size")) return Node(*stated);
    const auto tokens = facts.model().head().array_of("tokenizer.ggml.tokens");
    return tokens ? Value(tokens->size()) : std::nullopt;
}

Value tied(const Facts& facts) {
    if (!facts.tensor("token_embd.weight")) return std::nullopt;
    return Node(!facts.tensor("output.weight"));
}

Value head_dim(const Facts& facts) { return Node(facts.head_size()); }

Value plain_head_dim(const Facts& facts) { return Node(facts.hidden_size() / facts.heads()); }

Value heads(const Facts& facts) { return Node(facts.heads()); }

Value key_value_heads(const Facts& facts) { return Node(facts.key_value_heads()); }

/// rope.freq_base, or the value that the class takes for granted.
Value theta_or_default(const Facts& facts) { return Node(facts.real("rope.freq_base").value_or(10000.0F)); }

Value rotated_share_if_known(const Facts& facts) {
    const auto share = rotated_share(facts);
    return share ? Value(*share) : std::nullopt;
}

Value rotated_share_or_quarter(const Facts& facts) { return Node(rotated_share(facts).value_or(0.25)); }

/// Of classes that rotate whole heads unless told otherwise: Phi-4-mini is phi3 with three quarters.
Value rotated_share_if_partial(const Facts& facts) {
    const auto share = rotated_share(facts);
    return share && *share < 1 ? Value(*share) : std::nullopt;
}

/// The converter divides by the root of the layers.
Value depth_scale(const Facts& facts) {
    const auto scale = facts.real("residual_scale");
    if (!scale) return std::nullopt;
    return Node(static_cast<float>(double{*scale} * std::sqrt(static_cast<double>(facts.layers()))));
}

/// The converter keeps the hidden size divided by it.
Value base_size(const Facts& facts) {
    const auto scale = facts.real("logit_scale");
    if (!scale || !(*scale >= 1)) return std::nullopt;
    return Node(
        static_cast<std::uint64_t>(std::llround(static_cast<double>(facts.hidden_size()) / double{*scale})));
}

Value greedy_method(const Facts& facts) {
    return Node(facts.number("expert_group_count").value_or(1) > 1 ? "group_limited_greedy" : "greedy");
}

/// Layers of the two gemmas whose attention is scaled by the plain head size: gemma2-27b and gemma3-27b.
Value query_scale(const Facts& facts) {
    const std::uint64_t scaled_layers = facts.architecture() == "gemma2" ? 46 : 62;
    if (facts.layers() == scaled_layers) return plain_head_dim(facts);
    return Node(facts.number("attention.key_length").value_or(256));
}

Value expert_size(const Facts& facts) {
    return first_of(facts, "expert_feed_forward_length", "blk.0.ffn_gate_exps.weight");
}

Value shared_expert_size(const Facts& facts) {
    return first_of(facts, "expert_shared_feed_forward_length", "blk.0.ffn_gate_shexp.weight");
}

Value inner_size_if_unusual(const Facts& facts) {
    const auto size = facts.number("feed_forward_length");
    return size && *size / 4 != facts.hidden_size() ? Value(*size) : std::nullopt;
}

Value one_key_value_head(const Facts& facts) { return Node(facts.key_value_heads() == 1); }

Value no_ffn_norm(const Facts& facts) { return Node(!facts.has_tensor_like(".ffn_norm.")); }

Value parallel_residual(const Facts& facts) {
    return Node(facts.flag("use_parallel_residual").value_or(true));
}

Value whole_theta(const Facts& facts) {
    return Node(static_cast<std::uint64_t>(facts.real("rope.freq_base").value_or(10000.0F)));
}

Value positions(const Facts& facts) {
    if (const auto rows = facts.rows("position_embd.weight")) return Node(*rows);
    const auto length = facts.number("context_length");
    return length ? Value(*length) : std::nullopt;
}

Value token_types(const Facts& facts) { return Node(facts.rows("token_types.weight").value_or(2)); }

Value mpt_expansion(const Facts& facts) {
    return Node(ratio(facts.number("feed_forward_length").value_or(0), facts.hidden_size()));
}

Value mpt_attention(const Facts& facts) {
    const float bias = facts.real("attention.max_alibi_bias").value_or(0);
    const auto clip = facts.real("attention.clamp_kqv");
    return Node(Object{{"alibi", bias > 0},
                       {"alibi_bias_max", static_cast<std::uint64_t>(bias > 0 ? bias : 8)},
                       {"clip_qkv", clip ? Node(*clip) : Node()},
                       {"attn_type", "multihead_attention"},
                       {"attn_impl", "eager"}});
}

Value mamba_expansion(const Facts& facts) {
    return Node(ratio(facts.number("ssm.inner_size").value_or(0), facts.hidden_size()));
}

/// T5's files have either key, with the same value.
Value either_epsilon(const Facts& facts) {
    auto epsilon = facts.real("attention.layer_norm_rms_epsilon");
    if (!epsilon) epsilon = facts.real("attention.layer_norm_epsilon");
    return epsilon ? Value(*epsilon) : std::nullopt;
}

bool is_gated(const Facts& facts) { return facts.has_tensor_like("ffn_gate"); }

bool is_mixture(const Facts& facts) { return facts.number("expert_count").value_or(0) != 0; }

bool has_second_norm(const Facts& facts) { return facts.has_tensor_like("attn_norm_2"); }

/// Sigmoid gating came with DeepSeek-V3.
bool gates_by_sigmoid(const Facts& facts) { return facts.number("expert_gating_func") == 2; }

/// Olmo 3 shares a name with Olmo 2, whose layers see all.
bool has_window(const Facts& facts) { return facts.number("attention.sliding_window").value_or(0) != 0; }

/// FalconMamba's norms of B, C and the time step have no weights: only this tells it from Mamba.
bool normalizes_states(const Facts& facts) { return facts.flag("ssm.dt_b_c_rms").value_or(false); }

/// Files converted for MLA have the lengths of the unabsorbed heads under names of their own.
Value unrotated_head_dim(const Facts& facts) {
    auto length = facts.number("attention.key_length_mla");
    if (!length) length = facts.number("attention.key_length");
    const auto rotated = facts.number("rope.dimension_count");
    return length && rotated && *length >= *rotated ? Value(*length - *rotated) : std::nullopt;
}

Value value_head_dim(const Facts& facts) {
    auto length = facts.number("attention.value_length_mla");
    if (!length) length = facts.number("attention.value_length");
    return length ? Value(*length) : std::nullopt;
}

/// Of gemma3's sliding layers; files before 2026 do not say.
Value local_theta(const Facts& facts) { return Node(facts.real("rope.freq_base_swa").value_or(10000.0F)); }

Value one(const Facts&) { return Node(1.0F); }

/// The limit of gpt-oss's activation; no file says so.
Value seven(const Facts&) { return Node(7.0F); }

/// gpt-oss: every other layer slides, beginning with the first.
Value alternating_layers(const Facts& facts) {
    return layer_types(facts, [](std::uint64_t layer) { return layer % 2 == 0; });
}

/// Olmo 3: as attention.sliding_window_pattern says layer by layer; all but every fourth where it does not.
Value sliding_layers(const Facts& facts) {
    const auto stated = facts.model().head().array_of(std::string(facts.architecture()) +
                                                      ".attention.sliding_window_pattern");
    return layer_types(facts, [&](std::uint64_t layer) {
        const auto slides = stated && layer < stated->size() ? stated->at(layer).as_bool() : std::nullopt;
        return slides.value_or((layer + 1) % 4 != 0);
    });
}

/// How gpt-oss's own checkpoints are kept; files in another type are of a model that was unpacked.
Value mxfp4_quantization(const Facts& facts) {
    const ModelTensor* experts = facts.tensor("blk.0.ffn_gate_exps.weight");
    if (!experts || experts->info->type != mxfp4) return std::nullopt;
    return Node(Object{
        {"quant_method", "mxfp4"},
        {"modules_to_not_convert",
         Array{"model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"}}});
}

}  // namespace ggufmap::hf::derivations
