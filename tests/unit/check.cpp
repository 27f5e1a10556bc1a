#include "ggufmap/check.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "ggufmap/write.hpp"

using namespace ggufmap;

namespace {

constexpr std::uint32_t f32 = 0;

// A model under construction: keys, tensors of F32 with `elements` each, and the data as it will stand in the
// file.
class Draft {
public:
    HeaderWriter header;

    Draft& tensor(std::string_view name, std::vector<std::uint64_t> dimensions, std::uint64_t offset,
                  std::uint32_t type = f32) {
        header.add_tensor(name, dimensions, type, offset);
        return *this;
    }
    // A language model of two layers and three tokens in 0x120 bytes of data; nothing to complain about.
    Draft& language_model(std::uint32_t blocks = 2) {
        header.add("general.architecture", "llama");
        for (const char* key : {"context_length", "embedding_length", "attention.head_count"})
            header.add(std::string("llama.") + key, std::uint32_t{8});
        header.add("llama.block_count", blocks);
        header.add("llama.attention.layer_norm_rms_epsilon", 1e-6F);
        header.add("tokenizer.ggml.model", "llama");
        const std::vector<std::string_view> tokens = {"a", "b", "c"};
        header.add("tokenizer.ggml.tokens", std::span<const std::string_view>(tokens));
        return tensor("token_embd.weight", {8, 3}, 0)
            .tensor("blk.0.attn_q.weight", {8, 8}, 96)
            .tensor("blk.1.attn_norm.weight", {7}, 352);
    }
    static constexpr std::uint64_t language_model_bytes = 352 + 28;

    std::string bytes(std::uint64_t data) const {
        std::string all = header.bytes();
        all.resize((all.size() + 31) / 32 * 32 + data);
        return all;
    }
};

File file_of(const std::string& bytes, const std::string& name = "m.gguf") {
    Fd fd(::memfd_create("model", MFD_CLOEXEC));
    REQUIRE(::pwrite(fd.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    return File::adopt(std::move(fd), name);
}

std::vector<Finding> check_bytes(const std::string& bytes, Depth depth = Depth::full) {
    return check(Model::from(file_of(bytes)), depth);
}

// "code, code" in order.
std::string codes(const std::vector<Finding>& findings) {
    std::string all;
    for (const Finding& finding : findings) all += (all.empty() ? "" : ", ") + std::string(finding.code);
    return all;
}

std::string language_model_with(const std::function<void(HeaderWriter&)>& more) {
    Draft draft;
    more(draft.header);
    return draft.language_model().bytes(Draft::language_model_bytes);
}

class Directory {
public:
    Directory() {
        char name[] = "/tmp/ggufmap-check-XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        path_ = name;
    }
    ~Directory() { std::filesystem::remove_all(path_); }
    std::string write(const std::string& name, const std::string& bytes) const {
        std::ofstream(path_ / name, std::ios::binary) << bytes;
        return path_ / name;
    }

private:
    std::filesystem::path path_;
};

std::string shard_bytes(std::uint16_t number, std::uint16_t count, std::int32_t tensors,
                        std::string_view tensor) {
    Draft draft;
    draft.header.add("split.no", number);
    draft.header.add("split.count", count);
    draft.header.add("split.tensors.count", tensors);
    return draft.tensor(tensor, {8}, 0).bytes(32);
}

}  // namespace

TEST_CASE("a sound model has no findings") {
    CHECK(codes(check_bytes(Draft().language_model().bytes(Draft::language_model_bytes))) == "");
}

TEST_CASE("the layout is checked against itself and the end of the file") {
    const auto with = [](auto... tensors) {
        Draft draft;
        (draft.tensor(tensors.first, {8}, tensors.second), ...);
        return draft;
    };
    using T = std::pair<const char*, std::uint64_t>;
    CHECK(codes(check_bytes(with(T("a", 0), T("b", 32)).bytes(64))) == "");
    CHECK(codes(check_bytes(with(T("a", 0), T("b", 64)).bytes(96))) == "gap");
    CHECK(codes(check_bytes(with(T("a", 32), T("b", 0)).bytes(64))) == "reordered");
    CHECK(codes(check_bytes(with(T("a", 0), T("b", 32)).bytes(72))) == "trailing");
    CHECK(codes(check_bytes(Draft().tensor("a", {16}, 0).tensor("b", {8}, 32).bytes(64))) == "overlap");
    CHECK(codes(check_bytes(Draft().tensor("a", {8}, 0, 999).bytes(32))) == "unknown-type");

    const auto truncated = check_bytes(with(T("a", 0), T("b", 32), T("c", 64)).bytes(50));
    REQUIRE(truncated.size() == 1);
    CHECK(truncated[0].code == "truncated");
    CHECK(truncated[0].severity == Severity::error);
    CHECK(truncated[0].where.place == "tensor 'b'");
    CHECK(truncated[0].text == "truncated at tensor 2 of 3, 46 bytes missing");
}

TEST_CASE("what hides between and behind the tensors is found only by a full check") {
    std::string bytes = Draft().tensor("a", {1}, 0).tensor("b", {1}, 32).bytes(36);
    bytes[bytes.size() - 5] = 1;
    CHECK(codes(check_bytes(bytes, Depth::header)) == "");
    const auto findings = check_bytes(bytes);
    REQUIRE(codes(findings) == "padding");
    CHECK(findings[0].where.offset == bytes.size() - 5);

    const std::string one = Draft().tensor("a", {8}, 0).bytes(32);
    CHECK(codes(check_bytes(one + one, Depth::header)) == "concatenated");
}

TEST_CASE("a thousand findings of a kind become a few and a count") {
    Draft draft;
    for (std::uint64_t i = 0; i < 1000; ++i) draft.tensor("t" + std::to_string(i), {8}, i * 64);
    const auto findings = check_bytes(draft.bytes(64000 - 32));
    REQUIRE(findings.size() == 9);
    CHECK(findings.back().text == "991 more findings of the kind 'gap'");
}

TEST_CASE("keys and values are held to the rules") {
    const auto with = [](auto value) {
        return codes(
            check_bytes(language_model_with([&](HeaderWriter& header) { header.add("x.y", value); })));
    };
    CHECK(with(std::string_view("fine")) == "");
    CHECK(with(std::string_view("\xff")) == "utf8");
    const std::vector<std::string_view> strings = {"ASCII only", "\xc3\x28"};
    CHECK(with(std::span<const std::string_view>(strings)) == "utf8");
    CHECK(codes(check_bytes(language_model_with([](HeaderWriter& header) {
              const std::byte two{2};
              header.add("x.y", Value(ValueType::boolean, {&two, 1}));
          }))) == "bool");
    for (const char* key : {"Upper.case", "a..b", ".a", "a.", "white space"}) {
        CAPTURE(key);
        CHECK(codes(check_bytes(language_model_with([&](HeaderWriter& header) { header.add(key, true); }))) ==
              "key-name");
    }
}

TEST_CASE("needed keys that are missing or of the wrong type are told") {
    Draft bare;
    bare.header.add("general.architecture", "llama");
    const auto missing = check_bytes(bare.tensor("token_embd.weight", {8}, 0).bytes(32));
    CHECK(codes(missing) == "key-missing, key-missing, key-missing, key-missing");
    CHECK(missing[0].where.place == "key 'llama.context_length'");

    const auto wrong = check_bytes(language_model_with(
        [](HeaderWriter& header) { header.add("llama.rope.freq_base", std::uint32_t{10000}); }));
    REQUIRE(codes(wrong) == "key-type");
    CHECK(wrong[0].text == "is of type uint32, wanted float32");
}

TEST_CASE("counts that stand in two places must agree") {
    CHECK(codes(check_bytes(Draft().language_model(3).bytes(Draft::language_model_bytes))) == "count");
    CHECK(codes(check_bytes(language_model_with([](HeaderWriter& header) {
              const std::vector<float> two = {1, 2};
              header.add("tokenizer.ggml.scores", std::span<const float>(two));
          }))) == "count");
}

TEST_CASE("files that are no language model are not blamed for what they need not have") {
    const auto kind_and_codes = [](const std::function<void(HeaderWriter&)>& keys, bool tensor) {
        Draft draft;
        keys(draft.header);
        if (tensor) draft.tensor("x", {8}, 0);
        const Model model = Model::from(file_of(draft.bytes(tensor ? 32 : 0)));
        return std::string(name_of(kind_of(model))) + ": " + codes(check(model, Depth::full));
    };
    CHECK(kind_and_codes(
              [](HeaderWriter& header) {
                  header.add("general.architecture", "llama");
                  header.add("tokenizer.ggml.model", "llama");
                  const std::vector<std::string_view> tokens = {"a"};
                  header.add("tokenizer.ggml.tokens", std::span<const std::string_view>(tokens));
              },
              false) == "vocabulary: ");
    CHECK(kind_and_codes(
              [](HeaderWriter& header) {
                  header.add("general.architecture", "llama");
                  header.add("general.type", "adapter");
                  header.add("adapter.type", "lora");
                  header.add("adapter.lora.alpha", 16.0F);
              },
              true) == "adapter: ");
    CHECK(kind_and_codes(
              [](HeaderWriter& header) {
                  header.add("general.architecture", "clip");
                  header.add("clip.has_vision_encoder", true);
              },
              true) == "projector: ");
    CHECK(kind_and_codes([](HeaderWriter& header) { header.add("general.type", "imatrix"); }, true) ==
          "imatrix: ");
    CHECK(kind_and_codes([](HeaderWriter& header) { header.add("general.architecture", "flux"); }, true) ==
          "other: ");
}

TEST_CASE("a shard set is examined as one model, and broken ones are explained") {
    const Directory directory;
    const std::string first = directory.write("m-00001-of-00003.gguf", shard_bytes(0, 3, 3, "a"));
    directory.write("m-00002-of-00003.gguf", shard_bytes(1, 3, 3, "b"));
    const auto examined = [&] { return examine(first, {}, Depth::full); };

    Examination seen = examined();
    REQUIRE(codes(seen.findings) == "shard-missing");
    CHECK(seen.findings[0].text == "shard 3 of 3 is missing");
    CHECK(seen.has_errors());
    REQUIRE(seen.model);
    CHECK(seen.model->shards().size() == 1);

    directory.write("m-00003-of-00003.gguf", shard_bytes(2, 3, 3, "a"));
    CHECK(codes(examined().findings) == "duplicate-tensor");
    directory.write("m-00003-of-00003.gguf", shard_bytes(1, 3, 3, "c"));
    CHECK(codes(examined().findings) == "shard-foreign");
    directory.write("m-00003-of-00003.gguf", "not a model");
    CHECK(codes(examined().findings) == "not-gguf");
    directory.write("m-00003-of-00003.gguf", shard_bytes(2, 3, 3, "c"));
    seen = examined();
    CHECK(codes(seen.findings) == "");
    CHECK(seen.model->shards().size() == 3);

    CHECK(codes(examine(directory.write("renamed.gguf", shard_bytes(0, 3, 3, "a")), {}, Depth::full)
                    .findings) == "shard-name");
}

TEST_CASE("raw parts are recognised by their names") {
    for (const char* name :
         {"d/m.gguf.part1of2", "m.GGUF-split-a", "m.gguf.part-b", "m.gguf.partaa", "m.gguf.001"}) {
        CAPTURE(name);
        CHECK(is_raw_part_name(name));
    }
    for (const char* name : {"m.gguf", "m.gguf.part", "m.gguf.partial", "m.gguf.part1of2.txt",
                             "m.bin.part1of2", "m-00001-of-00002.gguf"}) {
        CAPTURE(name);
        CHECK_FALSE(is_raw_part_name(name));
    }
    const Directory directory;
    const Examination part = examine(directory.write("m.gguf.part2of2", "weights"), {}, Depth::header);
    CHECK(codes(part.findings) == "raw-part");
    CHECK_FALSE(part.model);
}

TEST_CASE("a header from a pipe is checked as far as it goes") {
    const std::string bytes = Draft().tensor("a", {8}, 0).tensor("b", {8}, 64).bytes(0);
    MemorySource source(as_bytes(bytes));
    const Model model = Model::header_only(parse(source), "-");
    CHECK_FALSE(model.has_files());
    CHECK(codes(check(model, Depth::full)) == "gap");
}
