#include "ggufmap/hf/safetensors.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <cmath>
#include <fstream>
#include <iterator>

#include "ggufmap/error.hpp"
#include "ggufmap/hf/stub.hpp"
#include "hf_support.hpp"

using namespace ggufmap;
using namespace ggufmap::hf;
using test::ModelOfText;
using Json = nlohmann::json;

namespace {

struct Quiet final : Progress {
    void add(std::uint64_t) override {}
    bool stop_requested() override { return stop; }
    bool stop = false;
};

std::string model_of(const std::string& architecture, const std::string& more) {
    return "kv general.architecture str " + architecture + "\nkv " + architecture +
           ".attention.head_count u32 2\nkv " + architecture + ".attention.head_count_kv u32 1\n" + more;
}

std::vector<HfTensor> tensors_of(const Model& model) {
    Notes unused;
    return hf_tensors(model, unused);
}

/// Where the rows of the only tensor, as HF has them, stand in the GGUF: each row there is filled with its
/// number.
std::vector<std::uint64_t> order_of_rows(const std::string& description) {
    test::TemporaryDirectory folder;
    std::string bytes = test::make_gguf(description);
    {
        const Model model = Model::open(folder.write("m.gguf", bytes));
        const HfTensor tensor = tensors_of(model).front();
        const std::uint64_t row = tensor.source.size / tensor.shape.front();
        for (std::uint64_t i = 0; i < tensor.source.size; ++i)
            bytes[tensor.source.offset + i] = static_cast<char>(i / row);
    }
    const Model model = Model::open(folder.write("m.gguf", bytes));
    const HfTensor tensor = tensors_of(model).front();
    const std::uint64_t row = tensor.source.size / tensor.shape.front();
    std::vector<std::uint64_t> order;
    read_tensor(model, tensor, [&](std::uint64_t, Bytes piece) {
        for (std::uint64_t at = 0; at < piece.size(); at += row)
            order.push_back(std::to_integer<std::uint64_t>(piece[at]));
    });
    return order;
}

std::string content(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

using Order = std::vector<std::uint64_t>;

/// As HF has it.
std::string content_of(const Model& model, const HfTensor& tensor) {
    std::string all(tensor.bytes, '?');
    read_tensor(model, tensor, [&](std::uint64_t offset, Bytes piece) {
        all.replace(offset, piece.size(), as_text(piece));
    });
    return all;
}

/// As it is in the file.
std::string content_of(const Model& model, std::size_t number) {
    const ModelTensor& tensor = model.tensors()[number];
    std::string all(tensor.range->size, '?');
    model.shards()[tensor.shard].file.read_exactly(tensor.range->offset,
                                                   std::as_writable_bytes(std::span(all.data(), all.size())));
    return all;
}

}  // namespace

TEST_CASE("rows go back to where the converter took them from") {
    CHECK(order_of_rows(model_of("llama", "tensor blk.0.attn_q.weight F32 32 8\n")) ==
          Order{0, 2, 1, 3, 4, 6, 5, 7});
    CHECK(order_of_rows(model_of("llama", "tensor blk.0.attn_k.weight F32 32 8\n")) ==
          Order{0, 2, 4, 6, 1, 3, 5, 7});
    CHECK(order_of_rows(model_of("bloom", "tensor blk.0.attn_qkv.weight F32 32 6\n")) ==
          Order{0, 2, 4, 1, 3, 5});
    CHECK(order_of_rows("kv general.architecture str falcon\nkv falcon.attention.head_count u32 4\n"
                        "kv falcon.attention.head_count_kv u32 2\ntensor blk.0.attn_qkv.weight F32 32 8\n") ==
          Order{0, 1, 4, 6, 2, 3, 5, 7});
    // Blocks never span rows: the same for a quantized tensor.
    CHECK(order_of_rows(model_of("llama", "tensor blk.0.attn_q.weight Q8_0 32 8\n")) ==
          Order{0, 2, 1, 3, 4, 6, 5, 7});
}

TEST_CASE("experts are slices, and other shapes are HF's") {
    const ModelOfText of(model_of("qwen2moe",
                                  "tensor blk.3.ffn_up_exps.weight F16 32 4 2\n"
                                  "tensor blk.3.ffn_gate_inp_shexp.weight F32 32\n"));
    const auto tensors = tensors_of(of.model);
    REQUIRE(tensors.size() == 3);
    CHECK(tensors[1].name == "model.layers.3.mlp.experts.1.up_proj.weight");
    CHECK(tensors[1].shape == Order{4, 32});
    CHECK(tensors[1].source.offset == tensors[0].source.end());
    CHECK(tensors[2].name == "model.layers.3.mlp.shared_expert_gate.weight");
    CHECK(tensors[2].shape == Order{1, 32});
}

TEST_CASE("gpt-oss's gates and ups are one tensor, their nibbles in order") {
    // Two experts of one row of one block: a scale, then numbers 0 to 15 low and 16 to 31 high.
    test::TemporaryDirectory folder;
    std::string bytes = test::make_gguf(model_of("gpt-oss",
                                                 "tensor blk.0.ffn_gate_exps.weight MXFP4 32 1 2\n"
                                                 "tensor blk.0.ffn_up_exps.weight MXFP4 32 1 2\n"));
    const std::string block = "\x7F\x80\x91\xA2\xB3\xC4\xD5\xE6\xF7\x08\x19\x2A\x3B\x4C\x5D\x6E\x7F";
    {
        const Model model = Model::open(folder.write("m.gguf", bytes));
        const std::uint64_t gate = model.tensors()[0].range->offset;
        const std::uint64_t up = model.tensors()[1].range->offset;
        bytes.replace(gate, 34, std::string(34, '\0'));
        bytes.replace(up, 34, std::string(34, '\0'));
        bytes.replace(up + 17, 17, block);  // of the second expert
    }
    const Model model = Model::open(folder.write("m.gguf", bytes));
    CHECK(unreadable_type(model).empty());
    const auto tensors = tensors_of(model);
    REQUIRE(tensors.size() == 2);
    CHECK(tensors[0].name == "model.layers.0.mlp.experts.gate_up_proj_scales");
    CHECK(tensors[0].shape == Order{2, 2, 1});
    CHECK(content_of(model, tensors[0]) == std::string("\0\0\0\x7F", 4));
    CHECK(tensors[1].name == "model.layers.0.mlp.experts.gate_up_proj_blocks");
    CHECK(tensors[1].shape == Order{2, 2, 1, 16});
    CHECK(content_of(model, tensors[1]) ==
          std::string(48, '\0') + "\x10\x32\x54\x76\x98\xBA\xDC\xFE\x98\xBA\xDC\xFE\x10\x32\x54\x76");
}

TEST_CASE("gpt-oss that was unpacked is transposed, expert by expert, biases in turn") {
    const ModelOfText of(model_of("gpt-oss",
                                  "tensor blk.0.ffn_gate_exps.weight F16 2 3 2\n"
                                  "tensor blk.0.ffn_up_exps.weight F16 2 3 2\n"
                                  "tensor blk.0.ffn_gate_exps.bias F32 2 2\n"
                                  "tensor blk.0.ffn_up_exps.bias F32 2 2\n"
                                  "tensor blk.0.attn_sinks.weight F32 2\n"));
    const auto tensors = tensors_of(of.model);
    REQUIRE(tensors.size() == 3);
    CHECK(tensors[0].name == "model.layers.0.mlp.experts.gate_up_proj");
    CHECK(tensors[0].shape == Order{2, 2, 6});
    const std::string gate = content_of(of.model, 0), up = content_of(of.model, 1);
    std::string wanted;
    for (std::size_t expert = 0; expert < 2; ++expert)
        for (std::size_t column = 0; column < 2; ++column)
            for (std::size_t row = 0; row < 3; ++row)
                for (const std::string* from : {&gate, &up})
                    wanted += from->substr(2 * (expert * 6 + row * 2 + column), 2);
    CHECK(content_of(of.model, tensors[0]) == wanted);
    CHECK(tensors[1].name == "model.layers.0.mlp.experts.gate_up_proj_bias");
    CHECK(tensors[1].shape == Order{2, 4});
    std::string in_turn;
    for (std::size_t i = 0; i < 4; ++i)
        for (const std::size_t from : {std::size_t{2}, std::size_t{3}})
            in_turn += content_of(of.model, from).substr(4 * i, 4);
    CHECK(content_of(of.model, tensors[1]) == in_turn);
    CHECK(tensors[2].name == "model.layers.0.self_attn.sinks");
}

TEST_CASE("deepseek's kv_b comes back from its two halves, and only where it is missing") {
    const std::string halves =
        "tensor blk.0.attn_k_b.weight F16 3 2 2\ntensor blk.0.attn_v_b.weight F16 2 4 2\n";
    const ModelOfText whole(model_of("deepseek2", "tensor blk.0.attn_kv_b.weight F16 2 14\n" + halves));
    CHECK(tensors_of(whole.model).size() == 1);
    const ModelOfText of(model_of("deepseek2", halves));
    const auto tensors = tensors_of(of.model);
    REQUIRE(tensors.size() == 1);
    CHECK(tensors[0].name == "model.layers.0.self_attn.kv_b_proj.weight");
    CHECK(tensors[0].shape == Order{14, 2});
    const std::string keys = content_of(of.model, 0), values = content_of(of.model, 1);
    std::string wanted;
    for (std::size_t head = 0; head < 2; ++head) {
        for (std::size_t row = 0; row < 3; ++row)
            for (std::size_t column = 0; column < 2; ++column)
                wanted += keys.substr(2 * (head * 6 + column * 3 + row), 2);
        wanted += values.substr(16 * head, 16);
    }
    CHECK(content_of(of.model, tensors[0]) == wanted);
    // A file that shares blocks has it behind what is shared.
    const auto files = plan_safetensors(of.model, tensors, {.weights = Weights::reflink, .block = 4096});
    CHECK(files[0].shared.size == 0);
}

TEST_CASE("deepseek's early halves have heads and rows in one dimension") {
    const ModelOfText of(model_of(
        "deepseek2", "tensor blk.0.attn_k_b.weight F16 3 4\ntensor blk.0.attn_v_b.weight F16 2 8\n"));
    const ModelOfText late(model_of(
        "deepseek2", "tensor blk.0.attn_k_b.weight F16 3 2 2\ntensor blk.0.attn_v_b.weight F16 2 4 2\n"));
    const auto tensors = tensors_of(of.model);
    REQUIRE(tensors.size() == 1);
    CHECK(tensors[0].shape == Order{14, 2});
    CHECK(content_of(of.model, tensors[0]) == content_of(late.model, tensors_of(late.model)[0]));
}

TEST_CASE("what is put together anew lies behind what is shared, aligned") {
    const ModelOfText of(model_of("deepseek2",
                                  "tensor blk.0.attn_k_b.weight F32 3 2 2\n"
                                  "tensor blk.0.attn_v_b.weight F32 2 4 2\n"
                                  "tensor token_embd.weight F16 1 3\n"));
    const auto files =
        plan_safetensors(of.model, tensors_of(of.model), {.weights = Weights::reflink, .block = 4096});
    REQUIRE(files.size() == 1);
    REQUIRE(files[0].entries.size() == 3);
    CHECK(files[0].shared.size == 6);
    CHECK(files[0].entries[1].gap);
    CHECK(files[0].entries[2].data.offset == 8);
    CHECK(files[0].entries[2].data.size == 112);
}

TEST_CASE("gpt2's matrices are transposed and its copy of the embedding left out") {
    const ModelOfText of(model_of("gpt2",
                                  "tensor blk.0.ffn_up.weight F16 2 3\ndata zero\n"
                                  "tensor token_embd.weight F16 32 2\ntensor output.weight F16 32 2\n"));
    const auto tensors = tensors_of(of.model);
    REQUIRE(tensors.size() == 2);
    CHECK(tensors[0].shape == Order{2, 3});
    CHECK(tensors[0].rework == Rework::transposed);
}

TEST_CASE("what does not divide, or would share a name, is told") {
    const auto failure = [](const std::string& description) {
        const ModelOfText of(description);
        try {
            tensors_of(of.model);
        } catch (const Error& error) {
            return error.reason();
        }
        return std::string("planned");
    };
    CHECK(failure(model_of("llama", "tensor blk.0.attn_q.weight F32 32 7\n")) ==
          "7 rows do not divide into the heads of the model");
    CHECK(failure("kv general.architecture str falcon\nkv falcon.attention.head_count u32 3\n"
                  "kv falcon.attention.head_count_kv u32 2\ntensor blk.0.attn_qkv.weight F32 32 8\n") ==
          "3 heads do not divide into 2 groups");
    CHECK(failure(model_of("qwen2moe",
                           "kv qwen2moe.expert_count u32 4\ntensor blk.0.ffn_up_exps.weight F16 32 4 2\n")) ==
          "has 2 slices for 4 experts");
    // Dimensions that cost the file nothing.
    CHECK(failure(model_of("qwen2moe", "tensor blk.0.ffn_up_exps.weight F32 0 0 1152921504606846976\n")) ==
          "its 1152921504606846976 slices make more than 1048576 tensors");
    CHECK(failure(model_of("qwen2moe", "tensor blk.0.ffn_up_exps.weight F32 0 0 65536\n")) == "is empty");
    CHECK(failure(model_of("gemma2", "tensor blk.0.attn_norm.weight F16 32\n")) ==
          "must be F32 to become what transformers reads");
    CHECK(failure(model_of(
              "gpt-oss", "kv gpt-oss.expert_count u32 4\ntensor blk.0.ffn_down_exps.weight F16 32 4 2\n")) ==
          "has 2 slices for 4 experts");
    CHECK(failure(model_of("gpt-oss", "tensor blk.0.ffn_gate_exps.weight F16 32 4 2\n")) ==
          "is there without 'blk.0.ffn_up_exps.weight'");
    CHECK(failure(model_of("gpt-oss",
                           "tensor blk.0.ffn_gate_exps.weight F16 32 4 2\n"
                           "tensor blk.0.ffn_up_exps.weight F16 32 2 2\n")) ==
          "has another shape than 'blk.0.ffn_up_exps.weight'");
    CHECK(failure(
              model_of("deepseek2",
                       "tensor blk.0.attn_k_b.weight F16 3 2 2\ntensor blk.0.attn_v_b.weight F16 2 4 1\n")) ==
          "has no shape that fits 'blk.0.attn_v_b.weight'");
    // A type that we do not know, and 96 bytes up to the end of the file.
    CHECK(failure(model_of("bloom", "tensor blk.0.attn_qkv.weight 1000 4 7 @bytes=96\n")) ==
          "has 96 bytes, which do not divide into 7 rows");
    // The bias of DeepSeek's gate has no suffix in HF.
    CHECK(failure(model_of("deepseek2",
                           "tensor blk.0.exp_probs_b F32 4\ntensor blk.0.exp_probs_b.bias F32 4\n")) ==
          "would be 'model.layers.0.mlp.gate.e_score_correction_bias', as 'blk.0.exp_probs_b' is");
}

TEST_CASE("a shared layout agrees with the GGUF modulo the block and leaves no hole") {
    const ModelOfText of(model_of("qwen2",
                                  "tensor rope_freqs.weight F32 3\ntensor token_embd.weight F16 5 3\n"
                                  "tensor mystery.weight F32 8\ntensor output.weight F16 5 3\n"));
    Notes notes;
    const auto tensors = hf_tensors(of.model, notes);
    CHECK(notes == Notes{"model.safetensors: tensors without a name in transformers: 1 (mystery.weight)"});
    const auto files = plan_safetensors(of.model, tensors, {.weights = Weights::reflink, .block = 4096});
    REQUIRE(files.size() == 1);
    const SafetensorsFile& file = files[0];
    CHECK(file.header.size() % 4096 == file.shared.offset % 4096);
    REQUIRE(file.entries.size() == 3);
    CHECK(file.entries[1].gap);
    CHECK(file.entries[1].tensor.name == "gguf_gap.0.rotary_emb.inv_freq");
    std::uint64_t end = 0;
    for (const SafetensorsEntry& entry : file.entries) {
        CHECK(entry.data.offset == end);
        end = entry.data.end();
    }
    const Json header = Json::parse(file.header.substr(8));
    CHECK(header["lm_head.weight"]["shape"] == Json{3, 5});
    CHECK(header["lm_head.weight"]["dtype"] == "F16");
    CHECK(header["__metadata__"]["format"] == "pt");
}

TEST_CASE("copies are tight, wide types first, and split where asked") {
    const ModelOfText of(model_of("qwen2",
                                  "tensor token_embd.weight F16 5 3\ntensor output_norm.weight F32 5\n"
                                  "tensor output.weight F16 5 3\n"));
    const auto tensors = tensors_of(of.model);
    const auto files = plan_safetensors(of.model, tensors, {.weights = Weights::copy});
    REQUIRE(files.size() == 1);
    CHECK(files[0].entries[0].tensor.name == "model.norm.weight");
    CHECK(files[0].data_bytes() == 20 + 30 + 30);
    const auto split = plan_safetensors(of.model, tensors, {.weights = Weights::copy, .most_bytes = 1});
    REQUIRE(split.size() == 3);
    CHECK(split[1].name == "model-00002-of-00003.safetensors");
}

TEST_CASE("a header that no reader would accept is refused") {
    const ModelOfText of(model_of("qwen2", "tensor token_embd.weight F16 5 3\n"));
    const auto plan = [&](std::uint64_t most) {
        return plan_safetensors(of.model, tensors_of(of.model),
                                {.weights = Weights::copy, .most_header_bytes = most});
    };
    const std::uint64_t length = plan(1000)[0].header.size() - 8;
    CHECK(plan(length).size() == 1);
    CHECK_THROWS_WITH_AS(
        plan(length - 1),
        doctest::Contains(
            fmt::format("would have {} bytes, and readers accept {}", length, length - 1).c_str()),
        Error);
}

TEST_CASE("quantized blocks are bytes with their type beside them") {
    const ModelOfText of(model_of("qwen2moe", "tensor blk.0.ffn_up_exps.weight Q8_0 64 4 2\n"));
    const auto files = plan_safetensors(of.model, tensors_of(of.model), {.weights = Weights::copy});
    const Json header = Json::parse(files[0].header.substr(8));
    const std::string name = "model.layers.0.mlp.experts.1.up_proj.weight";
    CHECK(header[name]["dtype"] == "U8");
    CHECK(header[name]["shape"] == Json{4, 68});
    CHECK(header["__metadata__"]["ggml." + name] == "{\"type\":\"Q8_0\",\"shape\":[4,64]}");
}

TEST_CASE("the folder appears whole or not at all") {
    const ModelOfText of(model_of("qwen2", "tensor token_embd.weight F16 32 2\n"));
    const auto path = of.folder.path() / "out";
    Quiet progress;
    const auto make = [&](bool replace) {
        Stub stub(of.model, {.weights = Weights::copy});
        return stub.write(path, replace, progress);
    };
    const auto entries = [&] {
        return std::distance(std::filesystem::directory_iterator(of.folder.path()), {});
    };
    make(false);
    CHECK(content(path / "Modelfile").starts_with("FROM /"));
    CHECK(std::filesystem::exists(path / "model.safetensors"));
    CHECK_THROWS_WITH_AS(make(false), doctest::Contains("exists already"), Error);
    CHECK(make(true).size() == std::size_t(std::distance(std::filesystem::directory_iterator(path), {})));

    of.folder.write("out/thesis.txt", "precious");
    CHECK_THROWS_WITH_AS(make(true), doctest::Contains("no part of a stub"), Error);
    CHECK(content(path / "thesis.txt") == "precious");

    std::filesystem::remove(path / "thesis.txt");

    std::filesystem::create_directory(path / "tokenizer.json");  // a name of ours, but not a file of ours
    CHECK_THROWS_WITH_AS(make(true), doctest::Contains("no part of a stub"), Error);
    CHECK(std::filesystem::exists(path / "model.safetensors"));

    std::filesystem::remove_all(path);
    progress.stop = true;
    CHECK_THROWS_AS(make(false), Error);
    CHECK(entries() == 1);  // the model alone
}

TEST_CASE("what a symlink points to is not replaced") {
    const ModelOfText of(model_of("qwen2", "tensor token_embd.weight F16 32 2\n"));
    const auto target = of.folder.path() / "theirs";
    std::filesystem::create_directory(target);
    of.folder.write("theirs/config.json", "precious");
    std::filesystem::create_directory_symlink(target, of.folder.path() / "link");
    Quiet progress;
    for (const char* name : {"link", "link/"}) {
        CAPTURE(name);
        Stub stub(of.model, {});
        CHECK_THROWS_WITH_AS(stub.write((of.folder.path() / name).string(), true, progress),
                             doctest::Contains("is no directory that can be replaced"), Error);
    }
    CHECK(content(target / "config.json") == "precious");
    CHECK(std::distance(std::filesystem::directory_iterator(of.folder.path()), {}) == 3);
}

TEST_CASE("a sparse file says so, and holds no weights") {
    const ModelOfText of(model_of("qwen2", "tensor token_embd.weight F16 1024 1024\n"));
    Quiet progress;
    Stub stub(of.model, {.weights = Weights::sparse});
    stub.write(of.folder.path() / "out", false, progress);
    const std::string bytes = content(of.folder.path() / "out/model.safetensors");
    CHECK(bytes.find("ggufmap.sparse") != std::string::npos);
    CHECK(bytes.substr(bytes.size() - (2 << 20)) == std::string(2 << 20, '\0'));
}
