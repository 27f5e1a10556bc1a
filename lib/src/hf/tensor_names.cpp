#include "hf/tensor_names.hpp"

#include <algorithm>

namespace ggufmap::hf {
namespace {

// The names most decoders share.
constexpr TensorName llama_names[] = {
    {"token_embd", "model.embed_tokens"},
    {"output_norm", "model.norm"},
    {"output", "lm_head"},
    {"attn_norm", "model.layers.{N}.input_layernorm"},
    {"ffn_norm", "model.layers.{N}.post_attention_layernorm"},
    {"attn_q", "model.layers.{N}.self_attn.q_proj"},
    {"attn_k", "model.layers.{N}.self_attn.k_proj"},
    {"attn_v", "model.layers.{N}.self_attn.v_proj"},
    {"attn_output", "model.layers.{N}.self_attn.o_proj"},
    {"attn_q_norm", "model.layers.{N}.self_attn.q_norm"},
    {"attn_k_norm", "model.layers.{N}.self_attn.k_norm"},
    {"ffn_gate", "model.layers.{N}.mlp.gate_proj"},
    {"ffn_up", "model.layers.{N}.mlp.up_proj"},
    {"ffn_down", "model.layers.{N}.mlp.down_proj"},
    {"ffn_gate_exps", "model.layers.{N}.mlp.experts.{E}.gate_proj", Treatment::expert},
    {"ffn_up_exps", "model.layers.{N}.mlp.experts.{E}.up_proj", Treatment::expert},
    {"ffn_down_exps", "model.layers.{N}.mlp.experts.{E}.down_proj", Treatment::expert},
    {"ffn_gate_inp", "model.layers.{N}.mlp.gate"},
    {"ffn_gate_shexp", "model.layers.{N}.mlp.shared_expert.gate_proj"},
    {"ffn_up_shexp", "model.layers.{N}.mlp.shared_expert.up_proj"},
    {"ffn_down_shexp", "model.layers.{N}.mlp.shared_expert.down_proj"},
    {"ffn_gate_inp_shexp", "model.layers.{N}.mlp.shared_expert_gate", Treatment::row},
};

constexpr TensorName permuted_names[] = {
    {"attn_q", "model.layers.{N}.self_attn.q_proj", Treatment::permuted_q},
    {"attn_k", "model.layers.{N}.self_attn.k_proj", Treatment::permuted_k},
};

constexpr TensorName mixtral_names[] = {
    {"ffn_gate_exps", "model.layers.{N}.block_sparse_moe.experts.{E}.w1", Treatment::expert},
    {"ffn_up_exps", "model.layers.{N}.block_sparse_moe.experts.{E}.w3", Treatment::expert},
    {"ffn_down_exps", "model.layers.{N}.block_sparse_moe.experts.{E}.w2", Treatment::expert},
    {"ffn_gate_inp", "model.layers.{N}.block_sparse_moe.gate"},
};

constexpr TensorName gemma_names[] = {
    {"output_norm", "model.norm", Treatment::plus_one},
    {"attn_norm", "model.layers.{N}.input_layernorm", Treatment::plus_one},
    {"ffn_norm", "model.layers.{N}.post_attention_layernorm", Treatment::plus_one},
    {"attn_q_norm", "model.layers.{N}.self_attn.q_norm", Treatment::plus_one},
    {"attn_k_norm", "model.layers.{N}.self_attn.k_norm", Treatment::plus_one},
};

constexpr TensorName gemma_sandwich_names[] = {
    {"ffn_norm", "model.layers.{N}.pre_feedforward_layernorm", Treatment::plus_one},
    {"post_attention_norm", "model.layers.{N}.post_attention_layernorm", Treatment::plus_one},
    {"post_ffw_norm", "model.layers.{N}.post_feedforward_layernorm", Treatment::plus_one},
};

constexpr TensorName phi3_names[] = {
    {"ffn_up", "model.layers.{N}.mlp.gate_up_proj"},
    {"attn_qkv", "model.layers.{N}.self_attn.qkv_proj"},
};

constexpr TensorName phi2_names[] = {
    {"output_norm", "model.final_layernorm"},
    {"attn_output", "model.layers.{N}.self_attn.dense"},
    {"ffn_up", "model.layers.{N}.mlp.fc1"},
    {"ffn_down", "model.layers.{N}.mlp.fc2"},
};

constexpr TensorName starcoder2_names[] = {
    {"ffn_up", "model.layers.{N}.mlp.c_fc"},
    {"ffn_down", "model.layers.{N}.mlp.c_proj"},
};

constexpr TensorName stablelm_names[] = {
    {"attn_q_norm", "model.layers.{N}.self_attn.q_layernorm.norms.{E}", Treatment::norm_per_head},
    {"attn_k_norm", "model.layers.{N}.self_attn.k_layernorm.norms.{E}", Treatment::norm_per_head},
};

// Norms behind attention and feed-forward: olmo2.
constexpr TensorName sandwich_names[] = {
    {"post_attention_norm", "model.layers.{N}.post_attention_layernorm"},
    {"post_ffw_norm", "model.layers.{N}.post_feedforward_layernorm"},
};

constexpr TensorName gpt2_names[] = {
    {"token_embd", "transformer.wte"},
    {"position_embd", "transformer.wpe"},
    {"output_norm", "transformer.ln_f"},
    {"output", "lm_head"},
    {"attn_norm", "transformer.h.{N}.ln_1"},
    {"ffn_norm", "transformer.h.{N}.ln_2"},
    {"attn_qkv", "transformer.h.{N}.attn.c_attn"},
    {"attn_output", "transformer.h.{N}.attn.c_proj"},
    {"ffn_up", "transformer.h.{N}.mlp.c_fc"},
    {"ffn_down", "transformer.h.{N}.mlp.c_proj"},
};

constexpr TensorName conv1d_names[] = {
    {"attn_qkv", "transformer.h.{N}.attn.c_attn", Treatment::transposed},
    {"attn_output", "transformer.h.{N}.attn.c_proj", Treatment::transposed},
    {"ffn_up", "transformer.h.{N}.mlp.c_fc", Treatment::transposed},
    {"ffn_down", "transformer.h.{N}.mlp.c_proj", Treatment::transposed},
    {"output", "lm_head", Treatment::copy_of_tokens},
};

constexpr TensorName falcon_names[] = {
    {"token_embd", "transformer.word_embeddings"},
    {"output_norm", "transformer.ln_f"},
    {"output", "lm_head"},
    {"attn_qkv", "transformer.h.{N}.self_attention.query_key_value", Treatment::qkv_by_group},
    {"attn_output", "transformer.h.{N}.self_attention.dense"},
    {"ffn_up", "transformer.h.{N}.mlp.dense_h_to_4h"},
    {"ffn_down", "transformer.h.{N}.mlp.dense_4h_to_h"},
};

// falcon-7b has one norm before attention and feed-forward, falcon-40b two.
constexpr TensorName falcon_old_names[] = {
    {"attn_norm", "transformer.h.{N}.input_layernorm"},
};

constexpr TensorName falcon_new_names[] = {
    {"attn_norm", "transformer.h.{N}.ln_mlp"},
    {"attn_norm_2", "transformer.h.{N}.ln_attn"},
};

constexpr TensorName gptneox_names[] = {
    {"token_embd", "gpt_neox.embed_in"},
    {"output_norm", "gpt_neox.final_layer_norm"},
    {"output", "embed_out"},
    {"attn_norm", "gpt_neox.layers.{N}.input_layernorm"},
    {"ffn_norm", "gpt_neox.layers.{N}.post_attention_layernorm"},
    {"attn_qkv", "gpt_neox.layers.{N}.attention.query_key_value", Treatment::qkv_by_head},
    {"attn_output", "gpt_neox.layers.{N}.attention.dense"},
    {"ffn_up", "gpt_neox.layers.{N}.mlp.dense_h_to_4h"},
    {"ffn_down", "gpt_neox.layers.{N}.mlp.dense_4h_to_h"},
};

constexpr TensorName bloom_names[] = {
    {"token_embd", "transformer.word_embeddings"},
    {"token_embd_norm", "transformer.word_embeddings_layernorm"},
    {"output_norm", "transformer.ln_f"},
    {"output", "lm_head", Treatment::copy_of_tokens},
    {"attn_norm", "transformer.h.{N}.input_layernorm"},
    {"ffn_norm", "transformer.h.{N}.post_attention_layernorm"},
    {"attn_qkv", "transformer.h.{N}.self_attention.query_key_value", Treatment::qkv_by_head},
    {"attn_output", "transformer.h.{N}.self_attention.dense"},
    {"ffn_up", "transformer.h.{N}.mlp.dense_h_to_4h"},
    {"ffn_down", "transformer.h.{N}.mlp.dense_4h_to_h"},
};

constexpr TensorName mpt_names[] = {
    {"token_embd", "transformer.wte"},
    {"output_norm", "transformer.norm_f"},
    {"output", "lm_head"},
    {"attn_norm", "transformer.blocks.{N}.norm_1"},
    {"ffn_norm", "transformer.blocks.{N}.norm_2"},
    {"attn_qkv", "transformer.blocks.{N}.attn.Wqkv"},
    {"attn_output", "transformer.blocks.{N}.attn.out_proj"},
    {"ffn_up", "transformer.blocks.{N}.ffn.up_proj"},
    {"ffn_down", "transformer.blocks.{N}.ffn.down_proj"},
};

constexpr TensorName bert_names[] = {
    {"token_embd", "embeddings.word_embeddings"},
    {"position_embd", "embeddings.position_embeddings"},
    {"token_types", "embeddings.token_type_embeddings"},
    {"token_embd_norm", "embeddings.LayerNorm"},
    {"attn_q", "encoder.layer.{N}.attention.self.query"},
    {"attn_k", "encoder.layer.{N}.attention.self.key"},
    {"attn_v", "encoder.layer.{N}.attention.self.value"},
    {"attn_output", "encoder.layer.{N}.attention.output.dense"},
    {"attn_output_norm", "encoder.layer.{N}.attention.output.LayerNorm"},
    {"ffn_up", "encoder.layer.{N}.intermediate.dense"},
    {"ffn_down", "encoder.layer.{N}.output.dense"},
    {"layer_output_norm", "encoder.layer.{N}.output.LayerNorm"},
};

constexpr TensorName nomic_bert_names[] = {
    {"token_embd", "embeddings.word_embeddings"},
    {"token_types", "embeddings.token_type_embeddings"},
    {"token_embd_norm", "emb_ln"},
    {"attn_qkv", "encoder.layers.{N}.attn.Wqkv"},
    {"attn_output", "encoder.layers.{N}.attn.out_proj"},
    {"attn_output_norm", "encoder.layers.{N}.norm1"},
    {"ffn_up", "encoder.layers.{N}.mlp.fc11"},
    {"ffn_gate", "encoder.layers.{N}.mlp.fc12"},
    {"ffn_down", "encoder.layers.{N}.mlp.fc2"},
    {"layer_output_norm", "encoder.layers.{N}.norm2"},
};

constexpr TensorName mamba_names[] = {
    {"token_embd", "backbone.embeddings"},
    {"output_norm", "backbone.norm_f"},
    {"output", "lm_head"},
    {"attn_norm", "backbone.layers.{N}.norm"},
    {"ssm_in", "backbone.layers.{N}.mixer.in_proj"},
    {"ssm_conv1d", "backbone.layers.{N}.mixer.conv1d", Treatment::convolution},
    {"ssm_x", "backbone.layers.{N}.mixer.x_proj"},
    {"ssm_dt", "backbone.layers.{N}.mixer.dt_proj"},
    {"ssm_a", "backbone.layers.{N}.mixer.A_log", Treatment::log_of_negative},
    {"ssm_d", "backbone.layers.{N}.mixer.D"},
    {"ssm_out", "backbone.layers.{N}.mixer.out_proj"},
};

constexpr TensorName deepseek2_names[] = {
    {"ffn_gate_shexp", "model.layers.{N}.mlp.shared_experts.gate_proj"},
    {"ffn_up_shexp", "model.layers.{N}.mlp.shared_experts.up_proj"},
    {"ffn_down_shexp", "model.layers.{N}.mlp.shared_experts.down_proj"},
    {"attn_q_a", "model.layers.{N}.self_attn.q_a_proj"},
    {"attn_q_a_norm", "model.layers.{N}.self_attn.q_a_layernorm"},
    {"attn_q_b", "model.layers.{N}.self_attn.q_b_proj"},
    {"attn_kv_a_mqa", "model.layers.{N}.self_attn.kv_a_proj_with_mqa"},
    {"attn_kv_a_norm", "model.layers.{N}.self_attn.kv_a_layernorm"},
    {"attn_kv_b", "model.layers.{N}.self_attn.kv_b_proj"},
    {"exp_probs_b", "model.layers.{N}.mlp.gate.e_score_correction_bias", Treatment::none, true},
    {"attn_k_b", "model.layers.{N}.self_attn.kv_b_proj", Treatment::joined_heads},
    {"attn_v_b", "", Treatment::derived},
};

constexpr TensorName gpt_oss_names[] = {
    {"attn_sinks", "model.layers.{N}.self_attn.sinks", Treatment::none, true},
    {"post_attention_norm", "model.layers.{N}.post_attention_layernorm"},
    {"ffn_gate_inp", "model.layers.{N}.mlp.router"},
    {"ffn_gate_exps", "model.layers.{N}.mlp.experts.gate_up_proj", Treatment::joined_experts, true},
    {"ffn_up_exps", "", Treatment::derived},
    {"ffn_down_exps", "model.layers.{N}.mlp.experts.down_proj", Treatment::stacked_experts, true},
};

constexpr TensorName t5_names[] = {
    {"token_embd", "shared"},
    {"output", "lm_head"},
    {"enc.attn_q", "encoder.block.{N}.layer.0.SelfAttention.q"},
    {"enc.attn_k", "encoder.block.{N}.layer.0.SelfAttention.k"},
    {"enc.attn_v", "encoder.block.{N}.layer.0.SelfAttention.v"},
    {"enc.attn_o", "encoder.block.{N}.layer.0.SelfAttention.o"},
    {"enc.attn_norm", "encoder.block.{N}.layer.0.layer_norm"},
    {"enc.attn_rel_b", "encoder.block.{N}.layer.0.SelfAttention.relative_attention_bias"},
    {"enc.ffn_gate", "encoder.block.{N}.layer.1.DenseReluDense.wi_0"},
    {"enc.ffn_down", "encoder.block.{N}.layer.1.DenseReluDense.wo"},
    {"enc.ffn_norm", "encoder.block.{N}.layer.1.layer_norm"},
    {"enc.output_norm", "encoder.final_layer_norm"},
    {"dec.attn_q", "decoder.block.{N}.layer.0.SelfAttention.q"},
    {"dec.attn_k", "decoder.block.{N}.layer.0.SelfAttention.k"},
    {"dec.attn_v", "decoder.block.{N}.layer.0.SelfAttention.v"},
    {"dec.attn_o", "decoder.block.{N}.layer.0.SelfAttention.o"},
    {"dec.attn_norm", "decoder.block.{N}.layer.0.layer_norm"},
    {"dec.attn_rel_b", "decoder.block.{N}.layer.0.SelfAttention.relative_attention_bias"},
    {"dec.cross_attn_q", "decoder.block.{N}.layer.1.EncDecAttention.q"},
    {"dec.cross_attn_k", "decoder.block.{N}.layer.1.EncDecAttention.k"},
    {"dec.cross_attn_v", "decoder.block.{N}.layer.1.EncDecAttention.v"},
    {"dec.cross_attn_o", "decoder.block.{N}.layer.1.EncDecAttention.o"},
    {"dec.cross_attn_norm", "decoder.block.{N}.layer.1.layer_norm"},
    {"dec.ffn_gate", "decoder.block.{N}.layer.2.DenseReluDense.wi_0"},
    {"dec.ffn_down", "decoder.block.{N}.layer.2.DenseReluDense.wo"},
    {"dec.ffn_norm", "decoder.block.{N}.layer.2.layer_norm"},
    {"dec.output_norm", "decoder.final_layer_norm"},
};

constexpr TensorName t5_gated_names[] = {
    {"enc.ffn_up", "encoder.block.{N}.layer.1.DenseReluDense.wi_1"},
    {"dec.ffn_up", "decoder.block.{N}.layer.2.DenseReluDense.wi_1"},
};

constexpr TensorName t5_plain_names[] = {
    {"enc.ffn_up", "encoder.block.{N}.layer.1.DenseReluDense.wi"},
    {"dec.ffn_up", "decoder.block.{N}.layer.2.DenseReluDense.wi"},
};

std::string replaced(std::string_view text, std::string_view placeholder, std::string_view by) {
    std::string out(text);
    if (const auto at = out.find(placeholder); at != std::string::npos)
        out.replace(at, placeholder.size(), by);
    return out;
}

}  // namespace

namespace names {
const NameGroup llama = llama_names;
const NameGroup permuted = permuted_names;
const NameGroup mixtral = mixtral_names;
const NameGroup gemma = gemma_names;
const NameGroup gemma_sandwich = gemma_sandwich_names;
const NameGroup phi3 = phi3_names;
const NameGroup phi2 = phi2_names;
const NameGroup starcoder2 = starcoder2_names;
const NameGroup stablelm = stablelm_names;
const NameGroup sandwich = sandwich_names;
const NameGroup gpt2 = gpt2_names;
const NameGroup conv1d = conv1d_names;
const NameGroup falcon = falcon_names;
const NameGroup falcon_old = falcon_old_names;
const NameGroup falcon_new = falcon_new_names;
const NameGroup gptneox = gptneox_names;
const NameGroup bloom = bloom_names;
const NameGroup mpt = mpt_names;
const NameGroup bert = bert_names;
const NameGroup nomic_bert = nomic_bert_names;
const NameGroup mamba = mamba_names;
const NameGroup deepseek2 = deepseek2_names;
const NameGroup gpt_oss = gpt_oss_names;
const NameGroup t5 = t5_names;
const NameGroup t5_gated = t5_gated_names;
const NameGroup t5_plain = t5_plain_names;
}  // namespace names

NameParts parts_of(std::string_view tensor) {
    constexpr std::string_view block = "blk.";
    NameParts parts;
    for (const std::string_view suffix : {".weight", ".bias"}) {
        if (!tensor.ends_with(suffix)) continue;
        parts.suffix = tensor.substr(tensor.size() - suffix.size());
        tensor.remove_suffix(suffix.size());
        break;
    }
    const std::size_t at = tensor.starts_with(block) ? 0 : tensor.find(".blk.") + 1;
    const std::size_t number = at + block.size();
    if (tensor.substr(at).starts_with(block)) {
        const std::size_t dot = tensor.find('.', number);
        if (dot != std::string_view::npos) {
            parts.layer = tensor.substr(number, dot - number);
            parts.key.append(tensor.substr(0, at)).append(tensor.substr(dot + 1));
            return parts;
        }
    }
    parts.key = tensor;
    return parts;
}

const TensorName* find_name(std::span<const NameGroup> groups, std::string_view key) {
    for (auto group = groups.rbegin(); group != groups.rend(); ++group) {
        const auto at = std::find_if(group->begin(), group->end(),
                                     [&](const TensorName& name) { return name.gguf == key; });
        if (at != group->end()) return &*at;
    }
    return nullptr;
}

std::string hf_name(const TensorName& name, const NameParts& parts, std::string_view expert) {
    std::string out = replaced(replaced(name.hf, "{N}", parts.layer), "{E}", expert);
    if (!name.whole) out += parts.suffix;
    return out;
}

}  // namespace ggufmap::hf
