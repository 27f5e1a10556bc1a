// Sources: transformers' configuration classes and llama.cpp's convert_hf_to_gguf.py (August 2026); 25 of
// these were verified by a round trip through both.
#include "hf/architecture.hpp"

#include "hf/derivations.hpp"
#include "hf/fields.hpp"

namespace ggufmap::hf {
namespace {

using namespace fields;

using namespace derivations;

constexpr Field sizes[] = {
    number("hidden_size", "embedding_length"),
    number("intermediate_size", "feed_forward_length"),
    number("num_hidden_layers", "block_count"),
    derived("num_attention_heads", heads),
    number("max_position_embeddings", "context_length"),
    derived("vocab_size", vocabulary_rows),
    derived("tie_word_embeddings", tied),
};
constexpr Field grouped_heads[] = {derived("num_key_value_heads", key_value_heads)};
constexpr Field rms[] = {real("rms_norm_eps", "attention.layer_norm_rms_epsilon")};
constexpr Field layer_norm[] = {real("layer_norm_eps", "attention.layer_norm_epsilon")};
constexpr Field theta[] = {real("rope_theta", "rope.freq_base")};
constexpr Field default_theta[] = {derived("rope_theta", theta_or_default)};
constexpr Field own_head_dim[] = {derived("head_dim", head_dim)};
constexpr Field silu[] = {word("hidden_act", "silu")};
constexpr Field window[] = {number("sliding_window", "attention.sliding_window")};
constexpr Field llama_biases[] = {present("attention_bias", ".attn_q.bias"),
                                  present("mlp_bias", ".ffn_up.bias")};
constexpr Field experts[] = {
    number("num_experts", "expert_count"),
    number("num_experts_per_tok", "expert_used_count"),
    derived("moe_intermediate_size", expert_size),
    derived("shared_expert_intermediate_size", shared_expert_size),
    whole("decoder_sparse_step", 1),
};

constexpr Field mixtral[] = {number("num_local_experts", "expert_count"),
                             number("num_experts_per_tok", "expert_used_count")};
constexpr Field qwen3moe[] = {yes("norm_topk_prob")};  // the class's default is false
constexpr Field gemma[] = {word("hidden_act", "gelu_pytorch_tanh"),
                           word("hidden_activation", "gelu_pytorch_tanh"), no("attention_bias"),
                           yes("tie_word_embeddings")};
constexpr Field gemma_capped[] = {
    real("attn_logit_softcapping", "attn_logit_softcapping"),
    real("final_logit_softcapping", "final_logit_softcapping"),
    derived("query_pre_attn_scalar", query_scale),
};
constexpr Field gemma3[] = {
    derived("rope_local_base_freq", local_theta),
    whole("sliding_window_pattern", 6),
};
constexpr Field phi3[] = {
    number("original_max_position_embeddings", "rope.scaling.original_context_length"),
    derived("partial_rotary_factor", rotated_share_if_partial),
};
constexpr Field minicpm[] = {
    real("scale_emb", "embedding_scale"),
    derived("scale_depth", depth_scale),
    derived("dim_model_base", base_size),
};
constexpr Field phi2[] = {
    derived("partial_rotary_factor", rotated_share_if_known),
    word("hidden_act", "gelu_new"),
};
constexpr Field starcoder2[] = {
    real("norm_epsilon", "attention.layer_norm_epsilon"),
    word("hidden_act", "gelu_pytorch_tanh"),
    present("use_bias", ".attn_q.bias"),
};
constexpr Field stablelm[] = {
    derived("partial_rotary_factor", rotated_share_or_quarter),
    present("use_qkv_bias", ".attn_q.bias"),
    derived("use_parallel_residual", no_ffn_norm),
    present("qk_layernorm", ".attn_q_norm"),
};
constexpr Field command_r[] = {
    real("logit_scale", "logit_scale"),
    present("use_qk_norm", ".attn_q_norm"),
    present("attention_bias", ".attn_q.bias"),
    yes("tie_word_embeddings"),
};
constexpr Field olmo[] = {real("clip_qkv", "attention.clamp_kqv")};
constexpr Field olmo3[] = {derived("layer_types", sliding_layers)};
constexpr Field granite[] = {
    real("attention_multiplier", "attention.scale"),
    real("embedding_multiplier", "embedding_scale"),
    real("residual_multiplier", "residual_scale"),
    real("logits_scaling", "logit_scale"),
};
constexpr Field gpt2[] = {
    number("n_embd", "embedding_length"),
    number("n_layer", "block_count"),
    derived("n_head", heads),
    number("n_positions", "context_length"),
    number("n_ctx", "context_length"),
    derived("n_inner", inner_size_if_unusual),
    derived("vocab_size", vocabulary_rows),
    real("layer_norm_epsilon", "attention.layer_norm_epsilon"),
};
constexpr Field gpt2_only[] = {word("activation_function", "gelu_new"), yes("tie_word_embeddings")};
constexpr Field starcoder[] = {word("activation_function", "gelu_pytorch_tanh"),
                               derived("tie_word_embeddings", tied), yes("multi_query")};
constexpr Field falcon[] = {
    number("hidden_size", "embedding_length"),
    number("num_hidden_layers", "block_count"),
    derived("num_attention_heads", heads),
    derived("num_kv_heads", key_value_heads),
    derived("vocab_size", vocabulary_rows),
    real("layer_norm_epsilon", "attention.layer_norm_epsilon"),
    present("new_decoder_architecture", "attn_norm_2"),
    derived("multi_query", one_key_value_head),
    yes("parallel_attn"),
    no("alibi"),
    present("bias", ".attn_qkv.bias"),
    number("ffn_hidden_size", "feed_forward_length"),
    number("max_position_embeddings", "context_length"),
    derived("tie_word_embeddings", tied),
};
constexpr Field gptneox[] = {
    derived("rotary_pct", rotated_share_or_quarter),
    derived("rotary_emb_base", whole_theta),
    derived("use_parallel_residual", parallel_residual),
    word("hidden_act", "gelu"),
};
constexpr Field bloom[] = {
    number("hidden_size", "embedding_length"),
    number("n_layer", "block_count"),
    derived("n_head", heads),
    number("seq_length", "context_length"),
    derived("vocab_size", vocabulary_rows),
    real("layer_norm_epsilon", "attention.layer_norm_epsilon"),
    yes("tie_word_embeddings"),
};
constexpr Field mpt[] = {
    number("d_model", "embedding_length"),
    number("n_layers", "block_count"),
    derived("n_heads", heads),
    number("max_seq_len", "context_length"),
    derived("vocab_size", vocabulary_rows),
    derived("expansion_ratio", mpt_expansion),
    yes("no_bias"),
    derived("attn_config", mpt_attention),
    yes("tie_word_embeddings"),
};
constexpr Field bert[] = {
    number("hidden_size", "embedding_length"),     number("intermediate_size", "feed_forward_length"),
    number("num_hidden_layers", "block_count"),    derived("num_attention_heads", heads),
    derived("max_position_embeddings", positions), derived("vocab_size", vocabulary_rows),
    derived("type_vocab_size", token_types),       word("hidden_act", "gelu"),
    word("position_embedding_type", "absolute"),
};
constexpr Field nomic_bert[] = {
    number("n_embd", "embedding_length"),
    number("n_inner", "feed_forward_length"),
    number("n_layer", "block_count"),
    derived("n_head", heads),
    number("n_positions", "context_length"),
    derived("vocab_size", vocabulary_rows),
    derived("type_vocab_size", token_types),
    real("layer_norm_epsilon", "attention.layer_norm_epsilon"),
    real("rotary_emb_base", "rope.freq_base"),
    derived("rotary_emb_fraction", one),
    no("rotary_emb_interleaved"),
    null("rotary_emb_scale_base"),
    word("activation_function", "swiglu"),
    no("causal"),
    no("qkv_proj_bias"),
    no("mlp_fc1_bias"),
    no("mlp_fc2_bias"),
    no("prenorm"),
};
constexpr Field mamba[] = {
    number("hidden_size", "embedding_length"),
    number("num_hidden_layers", "block_count"),
    number("n_layer", "block_count"),
    derived("vocab_size", vocabulary_rows),
    number("state_size", "ssm.state_size"),
    number("conv_kernel", "ssm.conv_kernel"),
    number("intermediate_size", "ssm.inner_size"),
    derived("expand", mamba_expansion),
    number("time_step_rank", "ssm.time_step_rank"),
    real("layer_norm_epsilon", "attention.layer_norm_rms_epsilon"),
    no("use_bias"),
    yes("use_conv_bias"),
    yes("residual_in_fp32"),
    derived("tie_word_embeddings", tied),
};
constexpr Field t5[] = {
    number("d_model", "embedding_length"),
    number("d_ff", "feed_forward_length"),
    number("num_layers", "block_count"),
    number("num_decoder_layers", "block_count"),
    number("num_decoder_layers", "decoder_block_count"),  // may differ
    derived("num_heads", heads),
    number("d_kv", "attention.key_length"),
    number("n_positions", "context_length"),
    derived("vocab_size", vocabulary_rows),
    number("relative_attention_num_buckets", "attention.relative_buckets_count"),
    derived("layer_norm_epsilon", either_epsilon),
    number("decoder_start_token_id", "decoder_start_token_id"),
    yes("is_encoder_decoder"),
    derived("tie_word_embeddings", tied),
};
constexpr Field t5_gated[] = {word("feed_forward_proj", "gated-gelu")};
constexpr Field t5_plain[] = {word("feed_forward_proj", "relu")};
constexpr Field deepseek2[] = {
    derived("num_key_value_heads", heads),  // MLA files say 1
    null("q_lora_rank"),
    number("q_lora_rank", "attention.q_lora_rank"),
    number("kv_lora_rank", "attention.kv_lora_rank"),
    number("qk_rope_head_dim", "rope.dimension_count"),
    derived("qk_nope_head_dim", unrotated_head_dim),
    derived("v_head_dim", value_head_dim),
    number("moe_intermediate_size", "expert_feed_forward_length"),
    number("n_routed_experts", "expert_count"),
    number("n_shared_experts", "expert_shared_count"),
    number("num_experts_per_tok", "expert_used_count"),
    number("first_k_dense_replace", "leading_dense_block_count"),
    real("routed_scaling_factor", "expert_weights_scale"),
    flag("norm_topk_prob", "expert_weights_norm"),
    whole("moe_layer_freq", 1),
    number("n_group", "expert_group_count"),
    number("topk_group", "expert_group_used_count"),
};
constexpr Field gpt_oss[] = {
    present("attention_bias", ".attn_q.bias"),
    number("intermediate_size", "expert_feed_forward_length"),
    number("num_local_experts", "expert_count"),
    number("num_experts_per_tok", "expert_used_count"),
    number("experts_per_token", "expert_used_count"),
    number("initial_context_length", "rope.scaling.original_context_length"),
    derived("layer_types", alternating_layers),
    derived("swiglu_limit", seven),
    derived("quantization_config", mxfp4_quantization),
};
constexpr Field deepseek_v2[] = {word("scoring_func", "softmax"), derived("topk_method", greedy_method)};
constexpr Field deepseek_v3[] = {word("scoring_func", "sigmoid"), word("topk_method", "noaux_tc")};

const std::vector<Architecture>& table() {
    using names::permuted;
    const NameGroup base = names::llama;
    static const std::vector<Architecture> all = {
        {"llama",
         "MixtralForCausalLM",
         "mixtral",
         {sizes, grouped_heads, rms, theta, own_head_dim, silu, window, mixtral},
         {base, permuted, names::mixtral},
         is_mixture},
        {"llama",
         "LlamaForCausalLM",
         "llama",
         {sizes, grouped_heads, rms, theta, own_head_dim, silu, llama_biases},
         {base, permuted}},
        {"granite",
         "GraniteForCausalLM",
         "granite",
         {sizes, grouped_heads, rms, theta, own_head_dim, silu, llama_biases, granite},
         {base, permuted}},
        {"smollm3",
         "SmolLM3ForCausalLM",
         "smollm3",
         {sizes, grouped_heads, rms, theta, own_head_dim, silu, llama_biases},
         {base, permuted}},
        {"minicpm",
         "MiniCPMForCausalLM",
         "minicpm",
         {sizes, grouped_heads, rms, theta, silu, minicpm},
         {base, permuted}},
        {"olmo", "OlmoForCausalLM", "olmo", {sizes, grouped_heads, theta, silu, olmo}, {base, permuted}},
        {"olmo2",
         "Olmo3ForCausalLM",
         "olmo3",
         {sizes, grouped_heads, rms, theta, silu, window, olmo3},
         {base, names::sandwich},
         has_window},
        {"olmo2",
         "Olmo2ForCausalLM",
         "olmo2",
         {sizes, grouped_heads, rms, theta, silu},
         {base, names::sandwich}},
        {"olmoe", "OlmoeForCausalLM", "olmoe", {sizes, grouped_heads, rms, theta, silu, experts}, {base}},
        {"qwen2", "Qwen2ForCausalLM", "qwen2", {sizes, grouped_heads, rms, theta, silu}, {base}},
        {"qwen3",
         "Qwen3ForCausalLM",
         "qwen3",
         {sizes, grouped_heads, rms, theta, own_head_dim, silu, window},
         {base}},
        {"qwen2moe",
         "Qwen2MoeForCausalLM",
         "qwen2_moe",
         {sizes, grouped_heads, rms, theta, silu, experts},
         {base}},
        {"qwen3moe",
         "Qwen3MoeForCausalLM",
         "qwen3_moe",
         {sizes, grouped_heads, rms, theta, own_head_dim, silu, window, experts, qwen3moe},
         {base}},
        {"gemma",
         "GemmaForCausalLM",
         "gemma",
         {sizes, grouped_heads, rms, theta, own_head_dim, gemma},
         {base, names::gemma}},
        {"gemma2",
         "Gemma2ForCausalLM",
         "gemma2",
         {sizes, grouped_heads, rms, theta, own_head_dim, window, gemma, gemma_capped},
         {base, names::gemma, names::gemma_sandwich}},
        {"gemma3",
         "Gemma3ForCausalLM",
         "gemma3_text",
         {sizes, grouped_heads, rms, theta, own_head_dim, window, gemma, gemma_capped, gemma3},
         {base, names::gemma, names::gemma_sandwich}},
        {"phi3",
         "Phi3ForCausalLM",
         "phi3",
         {sizes, grouped_heads, rms, theta, silu, window, phi3},
         {base, names::phi3}},
        {"phi2",
         "PhiForCausalLM",
         "phi",
         {sizes, grouped_heads, layer_norm, default_theta, phi2},
         {base, names::phi2}},
        {"starcoder2",
         "Starcoder2ForCausalLM",
         "starcoder2",
         {sizes, grouped_heads, theta, window, starcoder2},
         {base, names::starcoder2}},
        {"stablelm",
         "StableLmForCausalLM",
         "stablelm",
         {sizes, grouped_heads, layer_norm, default_theta, silu, stablelm},
         {base, names::stablelm}},
        {"command-r",
         "CohereForCausalLM",
         "cohere",
         {sizes, grouped_heads, layer_norm, theta, silu, command_r},
         {base}},
        {"deepseek2",
         "DeepseekV3ForCausalLM",
         "deepseek_v3",
         {sizes, rms, theta, silu, deepseek2, deepseek_v3},
         {base, names::deepseek2},
         gates_by_sigmoid},
        {"deepseek2",
         "DeepseekV2ForCausalLM",
         "deepseek_v2",
         {sizes, rms, theta, silu, deepseek2, deepseek_v2},
         {base, names::deepseek2}},
        {"gpt-oss",
         "GptOssForCausalLM",
         "gpt_oss",
         {sizes, grouped_heads, rms, theta, own_head_dim, silu, window, gpt_oss},
         {base, names::gpt_oss}},
        {"gpt2", "GPT2LMHeadModel", "gpt2", {gpt2, gpt2_only}, {names::gpt2, names::conv1d}},
        {"starcoder", "GPTBigCodeForCausalLM", "gpt_bigcode", {gpt2, starcoder}, {names::gpt2}},
        {"falcon",
         "FalconForCausalLM",
         "falcon",
         {falcon, default_theta},
         {names::falcon, names::falcon_new},
         has_second_norm},
        {"falcon",
         "FalconForCausalLM",
         "falcon",
         {falcon, default_theta},
         {names::falcon, names::falcon_old}},
        {"gptneox", "GPTNeoXForCausalLM", "gpt_neox", {sizes, layer_norm, gptneox}, {names::gptneox}},
        {"bloom", "BloomForCausalLM", "bloom", {bloom}, {names::bloom}},
        {"mpt", "MPTForCausalLM", "mpt", {mpt}, {names::mpt}},
        {"bert", "BertModel", "bert", {bert, layer_norm}, {names::bert}},
        {"nomic-bert", "NomicBertModel", "nomic_bert", {nomic_bert}, {names::nomic_bert}},
        {"mamba", "FalconMambaForCausalLM", "falcon_mamba", {mamba}, {names::mamba}, normalizes_states},
        {"mamba", "MambaForCausalLM", "mamba", {mamba}, {names::mamba}},
        {"t5", "T5ForConditionalGeneration", "t5", {t5, t5_gated}, {names::t5, names::t5_gated}, is_gated},
        {"t5", "T5ForConditionalGeneration", "t5", {t5, t5_plain}, {names::t5, names::t5_plain}},
    };
    return all;
}

}  // namespace

const Architecture* find_architecture(const Facts& facts) {
    for (const Architecture& architecture : table()) {
        if (architecture.gguf == facts.architecture() &&
            (!architecture.applies || architecture.applies(facts)))
            return &architecture;
    }
    return nullptr;
}

}  // namespace ggufmap::hf
