// Cut and put together again: the same bytes, whatever the model and the way to cut.
#include "ggufmap/shard.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <random>

#include "ggufmap/digest.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/stitch.hpp"
#include "ggufmap/write.hpp"
#include "support/random_model.hpp"
#include "support/shared_files.hpp"
#include "support/temporary_directory.hpp"
#include "support/unwatched.hpp"

using namespace ggufmap;
using test::file_content;
using test::Unwatched;

namespace {

const OutputFile::Options fast = {.keep_cache = true, .durable = false};

std::string cut(const std::string& path, const std::string& prefix, const ShardOptions& options,
                std::size_t* count = nullptr, unsigned jobs = 1) {
    const Model model = Model::open(path, {}, {.siblings = ModelOpening::Siblings::none});
    const ShardPlan plan = plan_shards(model, prefix, options);
    Unwatched progress;
    const ShardResult result = run(plan, {.output = fast, .jobs = jobs}, progress);
    REQUIRE(result.checksums.size() == plan.shards.size() + 1);
    for (const PlannedShard& shard : plan.shards) {
        const std::string file = split_path(prefix).directory + shard.name;
        CHECK(file_content(file).size() == shard.size);
        CHECK((shard.oversized || !options.size || shard.size <= *options.size));
    }
    if (count != nullptr) *count = plan.shards.size();
    return split_path(prefix).directory + plan.shards[plan.shards.size() / 2].name;
}

std::string stitched(const std::vector<std::string>& names, const std::string& path, bool verified = true) {
    Unwatched progress;
    const StitchPlan plan = plan_stitch(names);
    const StitchResult result =
        run(plan, path, {.output = {.replace = true, .keep_cache = true, .durable = false}}, progress);
    CHECK(result.verified == verified);
    return file_content(path);
}

std::string reason_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const Error& error) {
        return error.reason();
    }
    return "no error";
}

std::string with_tensor(std::uint32_t version, std::uint64_t second_offset, const std::string& tail) {
    HeaderWriter header(version);
    const std::vector<std::uint64_t> eight = {8};
    header.add_tensor("a", eight, 0, 0);
    header.add_tensor("b", eight, 0, second_offset);
    std::string bytes = header.bytes();
    bytes.resize((bytes.size() + 31) / 32 * 32);
    return bytes + std::string(second_offset + 32, 'w') + tail;
}

}  // namespace

TEST_CASE("any model comes back byte for byte, whichever way it was cut") {
    std::mt19937_64 random(20240607);
    for (int round = 0; round < 150; ++round) {
        const test::TemporaryDirectory folder;
        const auto made = test::random_model(random, round % 10 == 0 ? 300 : 25);
        const std::string path = folder.write("model.gguf", made.bytes);
        ShardOptions options;
        switch (round % 6) {
            case 0:
                options = {.size = {}, .tensors = 1 + random() % 4};
                break;
            case 1:
                options = {.size = 1 + random() % 20000};
                break;
            case 2:
                options = {.size = {}, .by = ShardBy::layer};
                break;
            case 3:
                options = {.size = {}, .by = ShardBy::expert_layer};
                break;
            case 4:
                options = {.size = 500 + random() % 20000, .header_first = true, .congruent_block = 4096};
                break;
            default:
                options = {.size = {}, .tensors = 1};
        }
        CAPTURE(round);
        CAPTURE(made.tensors);
        CAPTURE(made.alignment);
        const auto jobs = static_cast<unsigned>(1 + round % 4);
        const std::string shard = cut(path, (folder.path() / "s").string(), options, nullptr, jobs);
        CHECK(stitched({shard}, (folder.path() / "back").string()) == made.bytes);
    }
}

TEST_CASE("data of congruent shards lies where it lay in the model, modulo the block") {
    std::mt19937_64 random(7);
    for (int round = 0; round < 30; ++round) {
        const test::TemporaryDirectory folder;
        const std::string path = folder.write("model.gguf", test::random_model(random, 30).bytes);
        const Model model = Model::open(path);
        const ShardPlan plan = plan_shards(
            model, (folder.path() / "s").string(),
            {.size = 9000, .congruent_block = 4096, .congruent_from = round % 2 == 0 ? 1U : 5000U});
        for (const PlannedShard& shard : plan.shards)
            if (shard.data.size >= (round % 2 == 0 ? 1U : 5000U))
                CHECK(shard.data.offset % 4096 == (shard.size - shard.data.size) % 4096);
    }
}

TEST_CASE("raw pieces of any size come back, named one by one or found") {
    std::mt19937_64 random(3);
    const test::TemporaryDirectory folder;
    for (const std::uint64_t size : {1ULL, 100ULL, 4096ULL, 1000000ULL}) {
        const auto made = test::random_model(random, 3);
        if (made.bytes.size() / size > 300) continue;
        const std::string path = folder.write(fmt::format("raw{}.gguf", size), made.bytes);
        const std::string prefix = (folder.path() / fmt::format("p{}", size)).string();
        const File file = File::open(path);
        const ShardPlan plan = plan_raw_pieces(file, prefix, size);
        Unwatched progress;
        run(plan, {.output = fast}, progress);
        std::vector<std::string> names;
        std::string joined;
        for (const PlannedShard& piece : plan.shards) {
            names.push_back((folder.path() / piece.name).string());
            joined += file_content(names.back());
        }
        CHECK(joined == made.bytes);
        std::reverse(names.begin(), names.end());
        CHECK(stitched(names, (folder.path() / "back").string()) == made.bytes);
        CHECK(stitched({names.back()}, (folder.path() / "back").string()) == made.bytes);
    }
}

TEST_CASE("pieces of other splitters are recognised") {
    const test::TemporaryDirectory folder;
    const auto path = [&](const char* name) { return (folder.path() / name).string(); };
    folder.write("m.gguf.part1of2", "hello ");
    folder.write("m.gguf.part2of2", "world");
    folder.write("xaa", "one ");
    folder.write("xab", "two ");
    folder.write("xac", "three");
    folder.write("big.00", "1");
    folder.write("big.01", "2");
    CHECK(stitched({path("m.gguf.part2of2")}, path("out"), false) == "hello world");
    CHECK(stitched({path("xab")}, path("out"), false) == "one two three");
    CHECK(stitched({path("xac"), path("xaa"), path("xab")}, path("out"), false) == "one two three");
    CHECK(stitched({path("big.01")}, path("out"), false) == "12");
    CHECK_THROWS_AS(plan_stitch({path("out")}), Error);
}

TEST_CASE("pieces of split go on where its suffixes get wider") {
    const test::TemporaryDirectory folder;
    const auto path = [&](const std::string& name) { return (folder.path() / name).string(); };
    std::vector<std::string> names;
    std::string all;
    const auto add = [&](std::string name) {
        folder.write(name, name.substr(0, 4));
        all += name.substr(0, 4);
        names.push_back(path(name));
    };
    const std::string letters = "abcdefghijklmnopqrstuvwxyz";
    for (const char a : letters.substr(0, 25))
        for (const char b : letters) add(std::string("ab") + a + b);
    for (const char b : letters.substr(0, 3)) add(std::string("abzaa") + b);
    for (const std::string& name : {names[0], names[300], names.back()})
        CHECK(stitched({name}, path("out"), false) == all);
    CHECK(stitched(names, path("out"), false) == all);
}

TEST_CASE("pieces that are no whole file are refused, whatever they hold") {
    const test::TemporaryDirectory folder;
    const auto path = [&](const std::string& name) { return (folder.path() / name).string(); };
    const auto refusal = [&](const std::string& name) -> std::string {
        try {
            plan_stitch({path(name)});
        } catch (const Error& error) {
            return error.what();
        }
        return "";
    };
    folder.write("xab", "behind ");
    folder.write("xac", "the first");
    CHECK(refusal("xab").ends_with("xaa: this piece is missing"));
    folder.write("paa", "GGUF, and a header");
    folder.write("pab", " that never ends  ");
    CHECK(refusal("paa").find("the header is not whole") != std::string::npos);
    folder.write("qaa", "as long as");
    folder.write("qab", "cut");
    folder.write("qac", "as long as");
    CHECK(refusal("qaa").find("qab: has 3 bytes, the piece before it 10") != std::string::npos);
}

TEST_CASE("what GGUF shards could not restore is refused, with the reason") {
    const test::TemporaryDirectory folder;
    const auto reason = [&](const std::string& bytes) {
        const std::string path = folder.write("m.gguf", bytes);
        return reason_of([&] { (void)plan_shards(Model::open(path), "p", {}); });
    };
    const std::string advice = ": GGUF shards would not restore it byte for byte, raw pieces (--raw) do";
    CHECK(reason(with_tensor(3, 32, "")) == "no error");
    CHECK(reason(with_tensor(2, 32, "")) == "GGUF version 2" + advice);
    CHECK(reason(with_tensor(3, 64, "")) ==
          "tensor offset 64, wanted 32 (a gap, an overlap or another order)" + advice);
    CHECK(reason(with_tensor(3, 32, "tail")) == "4 trailing bytes" + advice);
    std::string odd = with_tensor(3, 32, "");
    odd[92] = 'x';  // 24 + 2 x 33 bytes of header, then padding to 96
    CHECK(reason(odd) == "padding that is not zero" + advice);
    CHECK(reason(with_tensor(3, 32, "").substr(0, 150)).starts_with("truncated"));
}

TEST_CASE("shards are those of llama-gguf-split, and its shards come back as the original") {
    const auto upstream = test::shared_folder() / "models" / "upstream";
    if (!std::filesystem::exists(upstream)) {
        MESSAGE("skipped: no models at ", upstream.string());
        return;
    }
    struct Fixture {
        const char* model;
        const char* folder;
        ShardOptions options;
    };
    const Fixture fixtures[] = {
        {"llama-q4km", "split10", {.size = {}, .tensors = 10}},
        {"moe-q8_0", "splitsize", {.size = 3000000}},
    };
    for (const Fixture& fixture : fixtures) {
        const test::TemporaryDirectory folder;
        const std::string original = (upstream / (std::string(fixture.model) + ".gguf")).string();
        std::size_t count = 0;
        cut(original, (folder.path() / fixture.model).string(), fixture.options, &count);
        std::size_t compared = 0;
        for (const auto& entry : std::filesystem::directory_iterator(upstream / fixture.folder)) {
            const auto ours = folder.path() / entry.path().filename();
            CHECK(file_content(ours.string()) == file_content(entry.path().string()));
            CHECK(stitched({entry.path().string()}, (folder.path() / "back").string(), false) ==
                  file_content(original));
            ++compared;
        }
        CHECK(compared == count);
    }
}

TEST_CASE("real models come back byte for byte") {
    for (const std::string& path : test::shared_models()) {
        if (parse_shard_name(path)) continue;
        const test::TemporaryDirectory folder;
        CAPTURE(path);
        const std::string shard = cut(path, (folder.path() / "s").string(), {.size = 1 << 20});
        CHECK(stitched({shard}, (folder.path() / "back").string()) == file_content(path));
    }
}

TEST_CASE("workers that know only model and number make the same set") {
    std::mt19937_64 random(11);
    const test::TemporaryDirectory folder;
    const auto made = test::random_model(random, 300);
    const std::string path = folder.write("model.gguf", made.bytes);
    for (std::size_t worker = 0; worker < 3; ++worker) {
        const Model model = Model::open(path);
        const ShardPlan plan = plan_shards(model, (folder.path() / "w").string(), {.size = {}, .tensors = 2});
        Unwatched progress;
        run(plan, {.only = [&](std::size_t i) { return i % 3 == worker; }, .output = fast}, progress);
    }
    const std::string shard = cut(path, (folder.path() / "s").string(), {.size = {}, .tensors = 2});
    CHECK(stitched({shard}, (folder.path() / "one").string()) == made.bytes);
    std::string first = shard;
    first.replace(first.rfind("/s-"), 3, "/w-");
    CHECK(stitched({first}, (folder.path() / "many").string()) == made.bytes);
}

TEST_CASE("a set that is not whole is named, and nothing is written") {
    std::mt19937_64 random(5);
    const test::TemporaryDirectory folder;
    auto made = test::random_model(random, 40);
    while (made.tensors < 12) made = test::random_model(random, 40);
    const std::string path = folder.write("model.gguf", made.bytes);
    const std::string shard = cut(path, (folder.path() / "s").string(), {.size = {}, .tensors = 4});
    const auto name = *parse_shard_name(shard);
    const auto file = [&](std::uint32_t i) { return shard_path(name.prefix, i, name.count); };
    const std::string out = (folder.path() / "out").string();
    const auto attempt = [&] { stitched({file(1)}, out); };
    const std::string second = file_content(file(2));

    std::filesystem::remove(file(2));
    CHECK(reason_of(attempt) == fmt::format("shard 2 of {} is missing", name.count));
    const auto put = [&](const std::string& bytes) { std::ofstream(file(2), std::ios::binary) << bytes; };
    put(file_content(file(3)));
    CHECK(reason_of(attempt).find("belongs to another set") != std::string::npos);
    put(second + "x");
    CHECK(reason_of(attempt) == "1 bytes behind the last tensor");
    std::string flipped = second;
    flipped.back() = static_cast<char>(flipped.back() + 1);
    put(flipped);
    CHECK(reason_of(attempt).find("damaged or of another set") != std::string::npos);
    put(second);
    CHECK(reason_of([&] {
              stitched({file(1), file(2), file(2)}, out);
          }).starts_with("is shard 2, and so is"));
    CHECK(reason_of([&] { stitched({file(2), file(3)}, out); }) == "shard 1 is missing");
    CHECK_FALSE(std::filesystem::exists(out));
    attempt();
    CHECK(file_content(out) == made.bytes);
}

namespace {

/// A model of one tensor and these keys, in a file.
std::string with_keys(const test::TemporaryDirectory& folder,
                      const std::function<void(HeaderWriter&)>& add_keys) {
    HeaderWriter header;
    add_keys(header);
    const std::vector<std::uint64_t> eight = {8};
    header.add_tensor("a", eight, 0, 0);
    std::string bytes = header.bytes();
    bytes.resize((bytes.size() + 31) / 32 * 32 + 32);
    return folder.write("keys.gguf", bytes);
}

}  // namespace

TEST_CASE("only keys that a shard has lengthened are shortened again: nobody's shards give a broken model") {
    const char* keys[] = {"ggufmap.source.general.name", "ggufmap.source.general.alignment",
                          "ggufmap.source."};
    for (const char* key : keys) {
        CAPTURE(key);
        const test::TemporaryDirectory folder;
        const std::string path = with_keys(folder, [&](HeaderWriter& header) {
            header.add("general.name", std::string_view("x"));
            header.add(key, std::uint32_t{3});
            header.add("split.no", std::uint16_t{0});
            header.add("split.count", std::uint16_t{1});
            header.add("split.tensors.count", std::int32_t{1});
        });
        const std::string out = (folder.path() / "out").string();
        stitched({path}, out, false);
        const Model model = Model::open(out);
        CHECK(model.head().find("general.name") != nullptr);
        CHECK(model.head().find(key) != nullptr);
        CHECK(model.head().alignment() == 32);
    }
}

TEST_CASE("a model whose shards nobody could read is refused") {
    const auto reason = [&](const std::function<void(HeaderWriter&)>& add_keys) {
        const test::TemporaryDirectory folder;
        const std::string path = with_keys(folder, add_keys);
        return reason_of([&] { (void)plan_shards(Model::open(path), "p", {}); });
    };
    const auto many = [](int count) {
        return [count](HeaderWriter& header) {
            for (int i = 0; i < count; ++i) header.add(fmt::format("k{}", i), true);
        };
    };
    CHECK(reason(many(65533)) == "no error");
    CHECK(reason(many(65534)).starts_with("GGUF shards could not be read, raw pieces (--raw) can: "));
    const std::string longest = "ggufmap.source." + std::string(65535 - 15, 'k');
    CHECK(reason([&](HeaderWriter& header) {
              header.add(longest, true);
          }).starts_with("GGUF shards could not be read, raw pieces (--raw) can: "));
}

TEST_CASE("padding to a large alignment takes no memory") {
    const test::TemporaryDirectory folder;
    HeaderWriter header;
    header.add("general.alignment", std::uint32_t{1} << 20);
    const std::vector<std::uint64_t> eight = {8};
    header.add_tensor("a", eight, 0, 0);
    std::string bytes = header.bytes();
    bytes.resize(2 << 20);
    const std::string path = folder.write("m.gguf", bytes);
    const Model model = Model::open(path);
    const ShardPlan plan = plan_shards(model, "p", {.size = {}, .tensors = 1});
    for (const PlannedShard& shard : plan.shards)
        for (const Piece& piece : shard.pieces) CHECK(piece.text.size() < 1000);
}
