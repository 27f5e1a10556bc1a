#include "support/make_gguf.hpp"

#include <doctest/doctest.h>

using namespace ggufmap::test;
using namespace std::string_literals;

TEST_CASE("the builder writes the bytes of the specification") {
    const std::string bytes = make_gguf(
        "kv a u32 5   # a comment\n"
        "kv s str \"x\\0y\"\n"
        "kv n array array [ u8 1 2 ] [ str z ]\n"
        "tensor t F32 2\n"
        "tensor u I8 3\n");
    const std::string header =
        "GGUF\3\0\0\0\2\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0"s +                                  // 2 tensors, 3 kvs
        "\1\0\0\0\0\0\0\0a\4\0\0\0\5\0\0\0"s +                                             // a
        "\1\0\0\0\0\0\0\0s\10\0\0\0\3\0\0\0\0\0\0\0x\0y"s +                                // s
        "\1\0\0\0\0\0\0\0n\11\0\0\0\11\0\0\0\2\0\0\0\0\0\0\0"s +                           // n
        "\0\0\0\0\2\0\0\0\0\0\0\0\1\2"s + "\10\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0z"s +  // its elements
        "\1\0\0\0\0\0\0\0t\1\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"s +             // t: F32, offset 0
        "\1\0\0\0\0\0\0\0u\1\0\0\0\3\0\0\0\0\0\0\0\30\0\0\0\40\0\0\0\0\0\0\0"s;            // u: I8, offset 32
    CHECK(bytes.substr(0, header.size()) == header);
    const std::size_t data = (header.size() + 31) / 32 * 32;
    CHECK(bytes.size() == data + 64);
    CHECK(bytes.substr(data, 9) == "tuvwxyz{\0"s);  // the pattern of t begins with 't'; then padding
    CHECK(bytes.substr(data + 32, 4) == "uvw\0"s);
}

TEST_CASE("claims lie only where they say") {
    const std::string truth = make_gguf("kv k str v\ntensor t F32 1\n");
    const auto differs_at = [&](std::string_view description) {
        const std::string other = make_gguf(description);
        CHECK(other.size() == truth.size());
        std::size_t at = 0;
        while (at < truth.size() && truth[at] == other[at]) ++at;
        return at;
    };
    CHECK(differs_at("tensors 9\nkv k str v\ntensor t F32 1\n") == 8);
    CHECK(differs_at("kvs -1\nkv k str v\ntensor t F32 1\n") == 16);
    CHECK(differs_at("kv k str v @keylen=7\ntensor t F32 1\n") == 24);
    CHECK(differs_at("kv k str v @type=99\ntensor t F32 1\n") == 33);
    CHECK(differs_at("kv k str v @len=7\ntensor t F32 1\n") == 37);
    CHECK(differs_at("kv k str v\ntensor t F32 1 @namelen=7\n") == 46);
    CHECK(differs_at("kv k str v\ntensor t F32 1 @offset=7\n") == 71);
}

TEST_CASE("tails, cuts, holes and repetitions") {
    CHECK(make_gguf("magic GGML\nversion 1\ncut 8\n") == "GGML\1\0\0\0"s);
    CHECK(make_gguf("tail hex 0102 03\ncut -1\n").ends_with("\1\2"));
    CHECK(make_gguf_image("tail zero 4G\n").size() == (std::uint64_t{4} << 30) + 24);
    CHECK(make_gguf("repeat 2 kv k%d u8 1\n") == make_gguf("kv k0 u8 1\nkv k1 u8 1\n"));
    CHECK_THROWS_WITH_AS(make_gguf("version 3\nkv k u128 1\n"), "line 2: no value type u128",
                         DescriptionError);
}
