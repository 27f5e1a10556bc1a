// What Hugging Face calls the tensors that GGUF names, and what the converter did to them: tables, grouped so
// that an architecture is a few groups, the later ones overriding the earlier.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ggufmap::hf {

/// How the bytes in the GGUF became what they are; undone on the way back.
enum class Treatment {
    none,
    permuted_q,       ///< rows of each head interleaved for llama.cpp's rotation
    permuted_k,       ///< the same with the number of key-value heads
    plus_one,         ///< norms stored as w + 1
    qkv_by_head,      ///< fused rows: head by head in HF, all q, all k, all v in GGUF
    qkv_by_group,     ///< fused rows of falcon-40b: q...q k v for each key-value head in HF
    transposed,       ///< HF keeps [in, out] (gpt2's Conv1D)
    log_of_negative,  ///< mamba's A: -exp(A_log) in GGUF
    convolution,      ///< [channels, width] is [channels, 1, width] in HF
    row,              ///< [n] is [1, n] in HF
    norm_per_head,    ///< one HF tensor for each row
    expert,           ///< one HF tensor for each slice of the last dimension
    joined_experts,   ///< gpt-oss's gates, in one HF tensor with ffn_up_exps: rows of both in turn
    stacked_experts,  ///< gpt-oss: all experts in one HF tensor
    joined_heads,     ///< deepseek2's attn_k_b: one HF tensor with attn_v_b where there is no attn_kv_b
    copy_of_tokens,   ///< left out where it repeats token_embd (HF ties it)
    derived           ///< left out: computed from another tensor by the converter
};

struct TensorName {
    std::string_view gguf;  ///< without "blk.N." and without ".weight" or ".bias"
    std::string_view hf;    ///< {N}: the layer, {E}: the expert
    Treatment treatment = Treatment::none;
    bool whole = false;  ///< HF's name takes no ".weight" or ".bias" behind
};
using NameGroup = std::span<const TensorName>;

namespace names {
extern const NameGroup llama, permuted, mixtral, gemma, gemma_sandwich, phi3, phi2, starcoder2, stablelm,
    sandwich, gpt2, conv1d, falcon, falcon_old, falcon_new, gptneox, bloom, mpt, bert, nomic_bert, mamba,
    deepseek2, gpt_oss, t5, t5_gated, t5_plain;
}

/// A GGUF tensor name taken apart: "enc.blk.3.attn_q.weight" is key "enc.attn_q", layer "3", suffix
/// ".weight".
struct NameParts {
    std::string key;
    std::string_view layer;
    std::string_view suffix;
};
NameParts parts_of(std::string_view tensor);

/// Null where no group knows the key.
const TensorName* find_name(std::span<const NameGroup> groups, std::string_view key);

/// The HF name of one tensor; `expert` is what {E} becomes.
std::string hf_name(const TensorName& name, const NameParts& parts, std::string_view expert = {});

}  // namespace ggufmap::hf
