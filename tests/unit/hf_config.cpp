#include "ggufmap/hf/config.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

#include "ggufmap/error.hpp"
#include "hf_support.hpp"

using namespace ggufmap;
using namespace ggufmap::hf;
using test::ModelOfText;

namespace {

std::string llama(const std::string& more, const std::string& architecture = "llama") {
    std::string text = "kv general.architecture str " + architecture + "\n";
    for (const char* line : {".embedding_length u32 64", ".attention.head_count u32 4", ".block_count u32 2",
                             ".context_length u32 512", ".rope.freq_base f32 10000"})
        text += "kv " + architecture + line + "\n";
    return text + more;
}

const std::string embedding = "tensor token_embd.weight F16 64 100\n";

Object config_of(const std::string& description, Notes& notes, Precision precision = Precision::by_weights) {
    const ModelOfText of(description);
    const auto config = model_config(of.model, precision, notes);
    REQUIRE(config);
    return *config;
}

Object config_of(const std::string& description) {
    Notes unused;
    return config_of(description, unused);
}

}  // namespace

TEST_CASE("the embedding's rows are the vocabulary's size, whatever the metadata says") {
    Notes notes;
    const Object config = config_of(
        llama("kv llama.vocab_size u32 7\nkv tokenizer.ggml.tokens array str a b\n" + embedding), notes);
    CHECK(*find(config, "vocab_size") == Node(100));
    CHECK(*find(config, "tie_word_embeddings") == Node(true));
    CHECK(*find(config, "head_dim") == Node(16));
    CHECK(*find(config, "torch_dtype") == Node("float16"));
    CHECK(notes == Notes{"tokens of the vocabulary: 2, rows of token_embd.weight: 100"});
}

TEST_CASE("more tokens than rows are told") {
    Notes notes;
    config_of(llama("kv tokenizer.ggml.tokens array str a b c\ntensor token_embd.weight F16 64 2\n"), notes);
    REQUIRE(notes.size() == 1);
    CHECK(notes[0] == "tokens of the vocabulary: 3, rows of token_embd.weight: 2");
}

TEST_CASE("of values for each layer the largest counts, and that is told") {
    Notes notes;
    const Object config =
        config_of(llama("kv llama.attention.head_count_kv array u32 2 4\n" + embedding), notes);
    CHECK(*find(config, "num_key_value_heads") == Node(4));
    CHECK(notes.size() == 1);
}

TEST_CASE("one name in GGUF, several classes in transformers") {
    CHECK(*find(config_of(llama("kv llama.expert_count u32 8\n" + embedding)), "model_type") ==
          Node("mixtral"));
    CHECK(*find(config_of(llama("kv deepseek2.expert_gating_func u32 2\n" + embedding, "deepseek2")),
                "model_type") == Node("deepseek_v3"));
    CHECK(*find(config_of(llama(embedding, "deepseek2")), "q_lora_rank") == Node());
}

TEST_CASE("what only a key tells from an older class") {
    const auto class_of = [](const Object& config) { return *find(config, "model_type"); };
    CHECK(class_of(config_of(llama(embedding, "mamba"))) == Node("mamba"));
    CHECK(class_of(config_of(llama("kv mamba.ssm.dt_b_c_rms bool true\n" + embedding, "mamba"))) ==
          Node("falcon_mamba"));
    CHECK(class_of(config_of(llama(embedding, "olmo2"))) == Node("olmo2"));
    const std::string window = "kv olmo2.attention.sliding_window u32 4096\n" + embedding;
    const Object olmo3 = config_of(
        llama("kv olmo2.attention.sliding_window_pattern array bool false true\n" + window, "olmo2"));
    CHECK(class_of(olmo3) == Node("olmo3"));
    CHECK(*find(olmo3, "sliding_window") == Node(4096));
    CHECK(*find(olmo3, "layer_types") == Node(Array{"full_attention", "sliding_attention"}));
    CHECK(*find(config_of(llama(window, "olmo2")), "layer_types") ==
          Node(Array{"sliding_attention", "sliding_attention"}));
    CHECK(*find(config_of(llama("kv t5.decoder_block_count u32 3\n" + embedding, "t5")),
                "num_decoder_layers") == Node(3));
    CHECK(*find(config_of(llama(embedding, "t5")), "num_decoder_layers") == Node(2));
}

TEST_CASE("an architecture without a mapping has no configuration") {
    const ModelOfText of(llama(embedding, "rwkv7"));
    Notes notes;
    CHECK_FALSE(model_config(of.model, Precision::by_weights, notes));
}

TEST_CASE("precision can be asked for") {
    Notes notes;
    CHECK(*find(config_of(llama(embedding), notes, Precision::bf16), "torch_dtype") == Node("bfloat16"));
    const std::string quantized = llama("tensor token_embd.weight Q4_0 64 100\n");
    CHECK(*find(config_of(quantized), "torch_dtype") == Node("float16"));
    CHECK(*find(config_of(quantized + "tensor output_norm.weight BF16 64\n"), "torch_dtype") ==
          Node("bfloat16"));
}

TEST_CASE("scaling of positions: linear and yarn") {
    const Object linear = config_of(
        llama("kv llama.rope.scaling.type str linear\nkv llama.rope.scaling.factor f32 4\n" + embedding));
    CHECK(*find(linear, "rope_scaling") ==
          Node(Object{{"type", "linear"}, {"rope_type", "linear"}, {"factor", 4.0F}}));
    const Object yarn =
        config_of(llama("kv deepseek2.rope.scaling.type str yarn\n"
                        "kv deepseek2.rope.scaling.factor f32 40\n"
                        "kv deepseek2.rope.scaling.yarn_log_multiplier f32 0.0707\n" +
                            embedding,
                        "deepseek2"));
    const auto& scaling = std::get<Object>(find(yarn, "rope_scaling")->value);
    CHECK(*find(scaling, "mscale") == Node(0.707));
    CHECK_FALSE(find(config_of(llama(embedding)), "rope_scaling"));
}

TEST_CASE("scaling of positions: the llama3 schedule is recovered from its factors, others become longrope") {
    test::TemporaryDirectory folder;
    const auto with_factors = [&](const std::vector<float>& factors) {
        std::string bytes = test::make_gguf(llama("kv llama.attention.key_length u32 128\n" + embedding +
                                                  "tensor rope_freqs.weight F32 64\n"));
        std::memcpy(bytes.data() + bytes.size() - 256, factors.data(), 256);
        const Model model = Model::open(folder.write("m.gguf", bytes));
        Notes notes;
        return *find(*model_config(model, Precision::by_weights, notes), "rope_scaling");
    };
    std::vector<float> factors;
    for (int i = 0; i < 64; ++i) {
        const double wavelength = 2 * std::numbers::pi * std::pow(10000.0, i / 64.0);
        const double smooth = (8192 / wavelength - 1) / 3;
        factors.push_back(static_cast<float>(wavelength < 2048   ? 1
                                             : wavelength > 8192 ? 8
                                                                 : 1 / ((1 - smooth) / 8 + smooth)));
    }
    CHECK(with_factors(factors) == Node(Object{{"rope_type", "llama3"},
                                               {"factor", 8.0F},
                                               {"low_freq_factor", 1.0},
                                               {"high_freq_factor", 4.0},
                                               {"original_max_position_embeddings", 8192}}));
    factors[0] = 3;
    CHECK(*find(std::get<Object>(with_factors(factors).value), "rope_type") == Node("longrope"));
}

TEST_CASE("scaling of positions: what early and late files say, and what cannot be written") {
    CHECK(*find(config_of(llama("kv llama.rope.scale_linear f32 2\n" + embedding)), "rope_scaling") ==
          Node(Object{{"type", "linear"}, {"rope_type", "linear"}, {"factor", 2.0F}}));
    const Object yarn =
        config_of(llama("kv qwen2.rope.scaling.type str yarn\nkv qwen2.rope.scaling.factor f32 4\n"
                        "kv qwen2.rope.scaling.yarn_beta_fast f32 16\n" +
                            embedding,
                        "qwen2"));
    const auto& scaling = std::get<Object>(find(yarn, "rope_scaling")->value);
    CHECK(*find(scaling, "beta_fast") == Node(16.0F));
    CHECK_FALSE(find(scaling, "beta_slow"));
    Notes notes;
    CHECK_FALSE(find(config_of(llama("kv llama.rope.scaling.type str dynamic\n" + embedding), notes),
                     "rope_scaling"));
    CHECK(notes == Notes{"rope.scaling.type is 'dynamic' without what it needs: config.json has no "
                         "rope_scaling"});
    notes.clear();
    CHECK_FALSE(
        find(config_of(llama("kv llama.rope.scaling.type str none\n" + embedding), notes), "rope_scaling"));
    CHECK(notes.empty());
}

TEST_CASE("gpt-oss says what its class cannot guess") {
    const Object config =
        config_of(llama("kv gpt-oss.expert_count u32 2\nkv gpt-oss.expert_used_count u32 1\n"
                        "kv gpt-oss.attention.sliding_window u32 128\n"
                        "kv gpt-oss.rope.scaling.type str yarn\nkv gpt-oss.rope.scaling.factor f32 32\n"
                        "kv gpt-oss.rope.scaling.original_context_length u32 4096\n"
                        "tensor blk.0.attn_q.bias F32 64\ntensor blk.0.ffn_gate_exps.weight MXFP4 64 8 2\n" +
                            embedding,
                        "gpt-oss"));
    CHECK(*find(config, "architectures") == Node(Array{"GptOssForCausalLM"}));
    CHECK(*find(config, "layer_types") == Node(Array{"sliding_attention", "full_attention"}));
    CHECK(*find(config, "attention_bias") == Node(true));
    CHECK(*find(config, "experts_per_token") == Node(1));
    CHECK(*find(std::get<Object>(find(config, "quantization_config")->value), "quant_method") ==
          Node("mxfp4"));
    CHECK(*find(config, "rope_scaling") == Node(Object{{"type", "yarn"},
                                                       {"rope_type", "yarn"},
                                                       {"factor", 32.0F},
                                                       {"original_max_position_embeddings", 4096},
                                                       {"beta_fast", 32.0F},
                                                       {"beta_slow", 1.0F},
                                                       {"truncate", false}}));
}

TEST_CASE("what the converter computed is computed back") {
    const Object minicpm =
        config_of(llama("kv minicpm.embedding_scale f32 12\nkv minicpm.residual_scale f32 0.98994949\n"
                        "kv minicpm.logit_scale f32 4\n" +
                            embedding,
                        "minicpm"));
    CHECK(*find(minicpm, "scale_emb") == Node(12.0F));
    CHECK(std::get<float>(find(minicpm, "scale_depth")->value) == doctest::Approx(1.4));
    CHECK(*find(minicpm, "dim_model_base") == Node(16));
    const Object phi = config_of(llama("kv phi3.rope.dimension_count u32 12\n" + embedding, "phi3"));
    CHECK(*find(phi, "partial_rotary_factor") == Node(0.75));
    CHECK_FALSE(find(config_of(llama("kv phi3.rope.dimension_count u32 16\n" + embedding, "phi3")),
                     "partial_rotary_factor"));
    const Object deepseek =
        config_of(llama("kv deepseek2.expert_group_count u32 8\n" + embedding, "deepseek2"));
    CHECK(*find(deepseek, "topk_method") == Node("group_limited_greedy"));
    const Object gemma = config_of(llama("kv gemma3.rope.freq_base_swa f32 5000\n" + embedding, "gemma3"));
    CHECK(*find(gemma, "rope_local_base_freq") == Node(5000.0F));
}

TEST_CASE("token ids beyond the vocabulary are left out") {
    const Object config =
        config_of(llama("kv tokenizer.ggml.bos_token_id u32 100\nkv tokenizer.ggml.eos_token_id u32 99\n"
                        "kv tokenizer.ggml.padding_token_id u32 4294967295\n" +
                        embedding));
    CHECK_FALSE(find(config, "bos_token_id"));
    CHECK(*find(config, "eos_token_id") == Node(99));
    CHECK_FALSE(find(config, "pad_token_id"));
}

TEST_CASE("metadata of the wrong kind is told") {
    Notes notes;
    CHECK_THROWS_WITH_AS(config_of(llama("kv llama.expert_used_count array u32 2 4\n"
                                         "kv llama.expert_count u32 8\n" +
                                         embedding),
                                   notes),
                         doctest::Contains("must be a number that is not negative"), Error);
    CHECK_THROWS_WITH_AS(config_of(llama("kv llama.feed_forward_length str big\n" + embedding), notes),
                         doctest::Contains("must be a number that is not negative"), Error);
}
