#include "ggufmap/gguf.hpp"

#include <doctest/doctest.h>

#include <string>

#include "ggufmap/error.hpp"

using namespace ggufmap;

namespace {

// Just enough of a writer for these tests, independent of the library's own.
struct Raw {
    std::string bytes;

    template <typename T>
    Raw& num(T value) {
        bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
        return *this;
    }
    Raw& str(std::string_view text) {
        num(std::uint64_t{text.size()});
        bytes += text;
        return *this;
    }
    Raw& start(std::uint64_t tensors, std::uint64_t keys, std::uint32_t version = 3) {
        bytes += "GGUF";
        return num(version).num(tensors).num(keys);
    }
    Raw& tensor(std::string_view name, std::initializer_list<std::uint64_t> dims, std::uint32_t type,
                std::uint64_t offset) {
        str(name).num(static_cast<std::uint32_t>(dims.size()));
        for (const auto d : dims) num(d);
        return num(type).num(offset);
    }
};

Gguf parsed(const std::string& bytes, std::size_t chunk = 0) {
    MemorySource source(as_bytes(bytes), "m", chunk);
    return parse(source);
}

std::string failure(const std::string& bytes) {
    try {
        parsed(bytes);
    } catch (const Error& error) {
        return error.what();
    }
    return "parsed";
}

Raw sample() {
    Raw raw;
    raw.start(2, 4);
    raw.str("general.architecture").num(std::uint32_t{8}).str("llama");
    raw.str("general.alignment").num(std::uint32_t{4}).num(std::uint32_t{64});
    raw.str("words")
        .num(std::uint32_t{9})
        .num(std::uint32_t{8})
        .num(std::uint64_t{3})
        .str("a")
        .str("")
        .str("ccc");
    raw.str("nested").num(std::uint32_t{9}).num(std::uint32_t{9}).num(std::uint64_t{2});
    raw.num(std::uint32_t{5}).num(std::uint64_t{2}).num(std::int32_t{-1}).num(std::int32_t{7});
    raw.num(std::uint32_t{0}).num(std::uint64_t{0});
    raw.tensor("one", {32, 2}, 8, 0).tensor("two", {}, 0, 128);
    return raw;
}

}  // namespace

TEST_CASE("a header reads the same whatever the size of each read") {
    const std::string bytes = sample().bytes;
    for (const std::size_t chunk : {1UL, 7UL, 4096UL, 0UL}) {
        const Gguf gguf = parsed(bytes, chunk);
        CHECK(gguf.version() == 3);
        CHECK(gguf.alignment() == 64);
        CHECK(as_text(gguf.header()) == bytes);
        CHECK(gguf.data_offset() % 64 == 0);
        CHECK(gguf.architecture() == "llama");
        REQUIRE(gguf.tensors().size() == 2);
        CHECK(gguf.find_tensor("one")->bytes == 68);
        CHECK(gguf.find_tensor("two")->elements() == 1);
        CHECK(gguf.range_of(gguf.tensors()[1]) == Range{gguf.data_offset() + 128, 4});
        CHECK(gguf.find_tensor("three") == nullptr);
    }
}

TEST_CASE("arrays are read as they are walked") {
    const std::string bytes = sample().bytes;
    const Gguf gguf = parsed(bytes);
    std::string words;
    const auto array = gguf.array_of("words");
    for (const Value word : *array) words += std::string(*word.as_string()) + ",";
    CHECK(words == "a,,ccc,");
    CHECK(gguf.array_of("words")->at(2).as_string() == "ccc");
    const auto nested = *gguf.array_of("nested");
    CHECK(nested.at(0).as_array()->at(0).as_signed() == -1);
    CHECK_FALSE(nested.at(0).as_array()->at(0).as_unsigned());
    CHECK(nested.at(1).as_array()->empty());
}

TEST_CASE("every cut of a header is an error, and none is a crash") {
    const std::string bytes = sample().bytes;
    for (std::size_t size = 0; size < bytes.size(); ++size) CHECK(failure(bytes.substr(0, size)) != "parsed");
}

TEST_CASE("what a hostile header claims is compared with what is there") {
    CHECK(failure(Raw().start(0, 0, 1).bytes).find("version 1") != std::string::npos);
    CHECK(failure(Raw().start(0, 0, 0x03000000).bytes).find("big-endian") != std::string::npos);
    CHECK(failure(Raw().start(1ULL << 62, 0).bytes) ==
          "m: header: offset 0x18: tensor count claims 4611686018427387904, but only 0 bytes are left");
    CHECK(failure(Raw().start(0, 1).num(1ULL << 60).bytes).find("left") != std::string::npos);
    CHECK(
        failure(Raw().start(0, 1).str("k").num(std::uint32_t{9}).num(std::uint32_t{12}).num(1ULL << 29).bytes)
            .find("array count claims") != std::string::npos);
    CHECK(failure(Raw().start(1, 0).tensor("t", {1ULL << 32, 1ULL << 32}, 0, 0).bytes).find("multiply") !=
          std::string::npos);
    CHECK(failure(Raw().start(1, 0).tensor("t", {1ULL << 32, 1ULL << 32, 0}, 0, 0).bytes).find("multiply") !=
          std::string::npos);
    // Q8_K of 2^62 elements: multiplied before divided, this wraps to 0 bytes.
    CHECK(parsed(Raw().start(1, 0).tensor("t", {1ULL << 62}, 15, 0).bytes).tensors()[0].bytes ==
          (1ULL << 54) * 292);
    CHECK(failure(Raw().start(1, 0).tensor("t", {33}, 8, 0).bytes).find("no multiple") != std::string::npos);
    CHECK(failure(Raw().start(1, 0).tensor("t", {32}, 31, 0).bytes).find("removed") != std::string::npos);
    CHECK(failure(Raw().start(1, 0).tensor("t", {32}, 0, 8).bytes).find("alignment") != std::string::npos);
    CHECK(failure(Raw().start(1, 0).tensor(std::string(64, 'n'), {32}, 0, 0).bytes).find("limit of 63") !=
          std::string::npos);
    CHECK(failure(Raw().start(2, 0).tensor("t", {32}, 0, 0).tensor("t", {32}, 0, 128).bytes) ==
          "m: tensor 't': offset 0x39: the name occurs twice");
    CHECK(failure("version https://git-lfs.github.com/spec/v1\n").find("git lfs pull") != std::string::npos);
}

TEST_CASE("zero dimensions and unknown types are kept") {
    const Gguf gguf = parsed(
        Raw().start(3, 0).tensor("z", {0, 5}, 0, 0).tensor("u", {3}, 999, 0).tensor("v", {1}, 0, 96).bytes);
    CHECK(gguf.find_tensor("z")->bytes == 0);
    CHECK(gguf.find_tensor("u")->bytes == 96);
    const Gguf last = parsed(Raw().start(1, 0).tensor("u", {3}, 999, 64).bytes);
    CHECK_FALSE(last.find_tensor("u")->bytes);
}
