#include "ggufmap/diff.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "support/shared_files.hpp"
#include "support/small_model.hpp"
#include "support/temporary_directory.hpp"

using namespace ggufmap;

namespace {

HeaderWriter header(const std::string& name) {
    HeaderWriter writer;
    writer.add("general.name", std::string_view(name));
    return writer;
}

std::string half(float value) {  // of powers of two only
    const int exponent = std::ilogb(value);
    const auto bits = static_cast<std::uint16_t>((exponent + 15) << 10);
    return {reinterpret_cast<const char*>(&bits), sizeof bits};
}

std::vector<float> values_of(std::uint32_t type, const std::string& bytes) {
    const TensorType& shape = *find_tensor_type(type);
    std::vector<float> out(bytes.size() / shape.block_bytes * shape.block_elements);
    dequantise(type, as_bytes(bytes), out);
    return out;
}

}  // namespace

TEST_CASE("keys that say how a model is cut make no difference") {
    const test::TemporaryDirectory directory;
    HeaderWriter padded = header("m");
    padded.add("split.count", std::uint16_t{1});
    padded.add("ggufmap.padding", std::span<const std::uint8_t>());
    padded.add("ggufmap.source.split.no", std::uint16_t{3});
    HeaderWriter merged = header("m");
    merged.add("split.no", std::uint16_t{3});
    const Model before = Model::open(directory.write("a.gguf", test::small_model(padded, {{"t", {4}, 0}})));
    const Model after = Model::open(directory.write("b.gguf", test::small_model(merged, {{"t", {4}, 0}})));
    CHECK(diff(before, after, {}, {}).same());
    CHECK(diff(before, after, {}, {}).same_keys == 1);
}

TEST_CASE("keys and tensors that are added, removed or changed") {
    const test::TemporaryDirectory directory;
    HeaderWriter old_header = header("old");
    old_header.add("only.old", std::uint32_t{1});
    old_header.add("split.count", std::uint16_t{0});
    HeaderWriter new_header = header("new");
    new_header.add("only.new", std::uint32_t{1});
    const Model before = Model::open(directory.write(
        "a.gguf",
        test::small_model(old_header, {{"same", {64}, 0}, {"gone", {8}, 0}, {"shape", {8, 4}, 0}})));
    const Model after = Model::open(directory.write(
        "b.gguf",
        test::small_model(new_header, {{"same", {64}, 0}, {"come", {8}, 0}, {"shape", {4, 8}, 0}})));
    const ModelDiff found = diff(before, after, {}, {});
    CHECK_FALSE(found.same());
    CHECK(found.same_tensors == 1);
    REQUIRE(found.keys.size() == 3);
    CHECK(found.keys[0].key == "general.name");
    CHECK((found.keys[0].before != nullptr && found.keys[0].after != nullptr));
    CHECK(found.keys[1].key == "only.old");
    CHECK(found.keys[1].after == nullptr);
    CHECK(found.keys[2].key == "only.new");
    CHECK(found.keys[2].before == nullptr);
    REQUIRE(found.tensors.size() == 3);
    CHECK(found.tensors[0].name == "gone");
    CHECK(found.tensors[1].name == "shape");
    CHECK(found.tensors[1].shape);
    CHECK_FALSE(found.tensors[1].type);
    CHECK(found.tensors[2].name == "come");
    CHECK(found.tensors[2].before == nullptr);
    CHECK(diff(before, before, {}, {}).same());
}

TEST_CASE("a model and its shards are the same") {
    const auto upstream = test::shared_folder() / "models/upstream";
    if (!std::filesystem::exists(upstream / "llama-q4km.gguf")) {
        MESSAGE("skipped: no models beside the checkout");
        return;
    }
    const Model whole = Model::open((upstream / "llama-q4km.gguf").string());
    const Model shards = Model::open((upstream / "split10/llama-q4km-00001-of-00006.gguf").string());
    const ModelDiff found = diff(whole, shards, {}, {});
    CHECK(found.same());
    CHECK(found.same_tensors == whole.tensors().size());
}

TEST_CASE("how far weights are apart") {
    const test::TemporaryDirectory directory;
    std::string bytes = test::small_model(HeaderWriter(), {{"w", {200'000}, 0}});
    const std::size_t data = bytes.size() - 800'000;
    for (std::size_t i = 0; i < 200'000; ++i) {
        const float one = 1;
        std::memcpy(bytes.data() + data + i * 4, &one, 4);
    }
    const Model before = Model::open(directory.write("a.gguf", bytes));
    const float three = 3;
    std::memcpy(bytes.data() + data + 4 * 150'000, &three, 4);
    const float nan = std::nanf("");
    std::memcpy(bytes.data() + data + 4 * 7, &nan, 4);
    const Model after = Model::open(directory.write("b.gguf", bytes));
    DiffRequest request;
    request.values = true;
    const ModelDiff found = diff(before, after, request, {});
    REQUIRE(found.tensors.size() == 1);
    REQUIRE(found.tensors[0].values);
    const ValueDifference& values = *found.tensors[0].values;
    CHECK(values.elements == 200'000);
    CHECK(values.not_finite == 1);
    CHECK(values.largest == 2);
    CHECK(values.relative == doctest::Approx(2 / std::sqrt(199'999.0)));
}

TEST_CASE("blocks become the floats that ggml makes of them") {
    SUBCASE("Q4_0 and Q8_0") {
        const std::vector<float> q4 = values_of(2, half(0.5F) + '\xf0' + std::string(15, '\x88'));
        CHECK(q4[0] == -4);
        CHECK(q4[16] == 3.5F);
        CHECK(q4[1] == 0);
        const std::vector<float> q8 = values_of(8, half(0.25F) + '\x80' + std::string(30, '\0') + '\x7f');
        CHECK(q8[0] == -32);
        CHECK(q8[31] == 31.75F);
    }
    SUBCASE("halves, subnormal and bf16") {
        CHECK(values_of(1, std::string("\x01\x00\x00\xbc\xff\x7b", 6)) ==
              std::vector<float>{0x1p-24F, -1, 65504});
        CHECK(values_of(30, std::string("\x80\x3f\x00\xc0", 4)) == std::vector<float>{1, -2});
    }
    SUBCASE("Q4_K: scales and minimums of 6 bits") {
        // Sub-block 0: scale 0x3f, minimum 1. Sub-block 4: scale 0x2a = 2 high bits of byte 0, 4 low ones.
        std::string packed(12, '\0');
        packed[0] = '\xbf';  // low six: scale 0; high two (10): scale 4
        packed[4] = '\x41';  // low six: minimum 0; high two (01): minimum 4
        packed[8] = '\x5a';  // low four: scale 4; high four: minimum 4
        const std::string quants = '\x21' + std::string(63, '\0') + '\x03' + std::string(63, '\0');
        const std::vector<float> out = values_of(12, half(1) + half(0.5F) + packed + quants);
        CHECK(out[0] == 63 - 0.5F);
        CHECK(out[1] == -0.5F);
        CHECK(out[32] == 0);  // scale and minimum 1 are 0
        CHECK(out[128] == 3 * 0x2a - 0.5F * 0x15);
    }
    SUBCASE("Q6_K: six bits from two places") {
        std::string bytes(210, '\0');
        bytes[0] = '\x5a';    // low nibble: weight 0, high nibble: weight 64
        bytes[128] = '\x27';  // pairs of bits: 3, 1, 2, 0
        bytes[192] = '\x02';  // scale of weights 0-15
        bytes[196] = '\xff';  // of weights 64-79
        bytes.replace(208, 2, half(0.5F));
        const std::vector<float> out = values_of(14, bytes);
        CHECK(out[0] == 0.5F * 2 * (0x3a - 32));
        CHECK(out[1] == 0.5F * 2 * (0 - 32));
        CHECK(out[64] == 0.5F * -1 * (0x25 - 32));
        CHECK(out[32] == 0);
    }
}
