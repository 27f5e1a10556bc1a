#include "ggufmap/hf/safetensors.hpp"

#include <doctest/doctest.h>

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
    CHECK(failure(model_of("qwen2",
                           "tensor blk.0.attn_q.weight F32 32 8\ntensor blk.00.attn_q.weight F32 32\n")) ==
          "planned");
}

TEST_CASE("a shared layout agrees with the GGUF modulo the block and leaves no hole") {
    const ModelOfText of(model_of("qwen2",
                                  "tensor rope_freqs.weight F32 3\ntensor token_embd.weight F16 5 3\n"
                                  "tensor mystery.weight F32 8\ntensor output.weight F16 5 3\n"));
    Notes notes;
    const auto tensors = hf_tensors(of.model, notes);
    REQUIRE(notes.size() == 1);
    CHECK(notes[0] == "1 tensors have no name in transformers: mystery.weight");
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
