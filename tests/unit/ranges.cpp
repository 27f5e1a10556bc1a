#include "ggufmap/ranges.hpp"

#include <doctest/doctest.h>

#include "ggufmap/error.hpp"
#include "support/make_gguf.hpp"
#include "support/temporary_directory.hpp"

using namespace ggufmap;

namespace {

std::string text_of(const HotList& list) {
    std::string text;
    list.write([&](std::string_view piece) { text += piece; });
    return text;
}

std::string failure(const std::string& text) {
    try {
        HotList::parse(text, "hot");
    } catch (const Error& error) {
        return error.what();
    }
    return "parsed";
}

std::string shard_bytes(int number) {
    const std::string n = std::to_string(number);
    return test::make_gguf("kv split.no u16 " + n + "\nkv split.count u16 2\nkv split.tensors.count i32 2\n" +
                           "tensor t" + n + " F32 1024\n");
}

}  // namespace

TEST_CASE("what is written reads back the same, shards and all") {
    const test::TemporaryDirectory directory;
    const std::string first = directory.write("m-00001-of-00002.gguf", shard_bytes(0));
    directory.write("m-00002-of-00002.gguf", shard_bytes(1));
    const Model model = Model::open(first);
    const std::vector<ShardRange> ranges = {{0, {0, 100}}, {0, {200, 8}}, {1, {32, 64}}};
    const HotList list = HotList::of(model, {ranges[2], ranges[0], {0, {50, 50}}, ranges[1]});
    CHECK(list.ranges() == ranges);
    const HotList again = HotList::parse(text_of(list), "hot");
    CHECK(again.model_name() == first);
    CHECK(again.shards() == list.shards());
    CHECK(again.ranges() == ranges);
    CHECK(text_of(again) == text_of(list));
    again.require_match(model);
}

TEST_CASE("a list is refused for another model") {
    const test::TemporaryDirectory directory;
    const Model one = Model::open(directory.write("one.gguf", test::make_gguf("tensor a F32 1024\n")));
    const Model other = Model::open(directory.write("other.gguf", test::make_gguf("tensor b F32 1024\n")));
    const Model longer = Model::open(directory.write("longer.gguf", test::make_gguf("tensor a F32 2048\n")));
    const HotList list = HotList::of(one, {{0, {0, 64}}});
    list.require_match(one);
    CHECK_THROWS_WITH_AS(list.require_match(other), doctest::Contains("header digest"), Error);
    CHECK_THROWS_WITH_AS(list.require_match(longer), doctest::Contains("bytes there"), Error);
    CHECK_THROWS_AS(HotList::parse("99999999 1\n", "hot").require_match(one), Error);
}

TEST_CASE("plain lines and comments of others are welcome") {
    const HotList list = HotList::parse("# made by hand\n#no blank\n\n4096 4096\n 0\t4096 \n", "hot");
    CHECK(list.shards().empty());
    CHECK(list.ranges() == std::vector<ShardRange>{{0, {0, 8192}}});
}

TEST_CASE("what is no list is named with its line") {
    CHECK(failure("0 1\n12\n") == "hot: line 2: wanted 'OFFSET LENGTH' in bytes");
    CHECK(failure("0 -1\n").find("wanted") != std::string::npos);
    CHECK(failure("1 2 3\n").find("wanted") != std::string::npos);
    CHECK(failure("18446744073709551615 2\n").find("wanted") != std::string::npos);
    CHECK(failure("# shard 0 size 1 header xxh3_64:00\n").find("line 1") != std::string::npos);
    CHECK(failure("# shard 1 size x header xxh3_64:00\n").find("line 1") != std::string::npos);
    CHECK(failure("# ggufmap-ranges 2\n").find("reads") != std::string::npos);
}
