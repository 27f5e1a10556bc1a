#include <doctest/doctest.h>
#include <fmt/format.h>

#include "ggufmap/hf/tensors.hpp"
#include "hf_support.hpp"

using namespace ggufmap;
using namespace ggufmap::hf;
using test::ModelOfText;

namespace {

std::string head(const std::string& architecture, unsigned layers) {
    return fmt::format(
        "kv general.architecture str {0}\nkv {0}.block_count u32 {1}\nkv {0}.attention.head_count u32 1\n"
        "tensor token_embd.weight F32 2 2\n",
        architecture, layers);
}

/// blk.N.ROLE for each role.
std::string layer(const std::string& number, const std::vector<std::string>& roles) {
    std::string text;
    for (const std::string& role : roles) text += "tensor blk." + number + "." + role + ".weight F32 2 2 2\n";
    return text;
}

const std::vector<std::string> dense = {"attn_norm", "attn_q", "ffn_up"};
const std::vector<std::string> mixture = {"attn_norm", "attn_q", "ffn_up_exps"};
const std::string norm = "tensor output_norm.weight F32 2\n";

Notes gaps(const std::string& description) {
    const ModelOfText of(description);
    Notes missing;
    hf_tensors(of.model, missing);
    return missing;
}

}  // namespace

TEST_CASE("a whole model has no gaps, whatever kinds of layers it has") {
    CHECK(gaps(head("qwen2", 2) + layer("0", dense) + layer("1", dense) + norm).empty());
    CHECK(gaps(head("qwen3moe", 3) + layer("0", dense) + layer("1", mixture) + layer("2", mixture) + norm)
              .empty());
    // A pruned layer without feed-forward, and norms without weights.
    CHECK(gaps("kv qwen2.feed_forward_length array u32 0 4\n" + head("qwen2", 2) +
               layer("0", {"attn_norm", "attn_q"}) + layer("1", dense) + norm)
              .empty());
    CHECK(gaps(head("olmo", 1) + layer("0", {"attn_q"})).empty());
    // T5's first layers have the bias of all.
    CHECK(gaps(head("t5", 1) +
               "kv t5.decoder_block_count u32 2\ntensor enc.blk.0.attn_q.weight F32 2\n"
               "tensor dec.blk.0.attn_q.weight F32 2\ntensor dec.blk.0.attn_rel_b.weight F32 2\n"
               "tensor dec.blk.1.attn_q.weight F32 2\n")
              .empty());
}

TEST_CASE("layers, parts of layers and norms that are missing are told") {
    CHECK(gaps(head("qwen2", 3) + layer("0", dense) + layer("2", dense) + norm) ==
          Notes{"model.safetensors: the metadata says 3 layers, without tensors are 1 (blk.1)"});
    CHECK(
        gaps(head("qwen2", 4000000000) + layer("0", dense) + norm) ==
        Notes{
            "model.safetensors: the metadata says 4000000000 layers, without tensors are 3999999999 (blk.1, "
            "blk.2, blk.3, ...)"});
    CHECK(gaps(head("qwen2", 2) + layer("0", dense) + layer("1", {"attn_norm"}) + norm) ==
          Notes{"model.safetensors: tensors missing that other layers have: 2 (blk.1.attn_q.weight, "
                "blk.1.ffn_up.weight)"});
    CHECK(gaps(head("qwen3moe", 2) + layer("0", mixture) + layer("1", {"attn_norm", "attn_q"}) + norm) ==
          Notes{"model.safetensors: tensors missing that other layers have: 1 (blk.1.ffn_up_exps.weight)"});
    CHECK(gaps(head("qwen2", 1) + layer("0", dense)) ==
          Notes{"model.safetensors: the model has no output_norm.weight"});
}

TEST_CASE("tensors of layers that should not be there are told") {
    CHECK(gaps(head("qwen2", 1) + layer("0", dense) + layer("7", {"attn_q"}) + norm) ==
          Notes{"model.safetensors: tensors of layers beyond those that the metadata says: 1 "
                "(blk.7.attn_q.weight)"});
    CHECK(gaps(head("qwen2", 1) + layer("0", dense) + layer("00", {"attn_q"}) + layer("x", {"attn_q"}) +
               norm) == Notes{"model.safetensors: tensors whose layer is no number: 2 (blk.00.attn_q.weight, "
                              "blk.x.attn_q.weight)"});
}
