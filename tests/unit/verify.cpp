#include "ggufmap/verify.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "ggufmap/resident.hpp"
#include "support/fake_page_cache.hpp"
#include "support/small_model.hpp"
#include "support/temporary_directory.hpp"
#include "support/warm_file.hpp"

using namespace ggufmap;

namespace {

std::string model_bytes(const std::string& second = "b") {
    return test::small_model(HeaderWriter(), {{"a", {100}, 0}, {second, {5000}, 0}});
}

std::string line(DigestKind kind, const Model& model, const std::string& bytes, const std::string& tensor,
                 const std::string& file) {
    const Range range = *model.find_tensor(tensor)->range;
    return weights_line(kind, digest_hex(kind, as_bytes(bytes).subspan(range.offset, range.size)),
                        file + ":" + tensor) +
           "\n";
}

Verification check(const Model& model, const std::string& manifest, std::optional<DigestKind> kind = {}) {
    return verify(model, plan_verification(model, parse_manifest(manifest, "manifest"), kind), {}, false, {});
}

std::string verdict(const Verification& result, const std::string& name) {
    for (const Check& one : result.checks) {
        if (one.name == name) return std::string(name_of(one.verdict));
    }
    return "absent";
}

}  // namespace

TEST_CASE("tensors that are different, missing or new are named") {
    const test::TemporaryDirectory directory;
    const std::string bytes = model_bytes();
    const Model model = Model::open(directory.write("m.gguf", bytes));
    const std::string a = line(DigestKind::sha1, model, bytes, "a", "other.gguf");
    const std::string b = line(DigestKind::sha1, model, bytes, "b", "other.gguf");
    CHECK(check(model, a + b).good());

    const Verification fewer = check(model, a);
    CHECK_FALSE(fewer.good());
    CHECK(verdict(fewer, "b") == "new");
    CHECK(verdict(fewer, "a") == "same");

    const std::string c = weights_line(DigestKind::sha1, std::string(40, '0'), "other.gguf:c:d") + "\n";
    const Verification more = check(model, a + b + c);
    CHECK(more.count(Verdict::missing) == 1);
    CHECK(verdict(more, "c:d") == "missing");

    const std::string wrong = weights_line(DigestKind::sha1, std::string(40, '0'), "other.gguf:b") + "\n";
    CHECK(verdict(check(model, a + wrong), "b") == "different");
}

TEST_CASE("a tensor is looked for at the end of a line only as far as names are long") {
    const test::TemporaryDirectory directory;
    const std::string bytes = model_bytes("c:d");
    const Model model = Model::open(directory.write("m.gguf", bytes));
    // The whole of "c:d" is a tensor, however many colons the file has.
    const std::string file = std::string(5000, ':') + "m.gguf";
    CHECK(verdict(check(model, line(DigestKind::sha1, model, bytes, "c:d", file)), "c:d") == "same");
}

TEST_CASE("the strongest digest decides, or the one that is named") {
    const test::TemporaryDirectory directory;
    const std::string bytes = model_bytes();
    const Model model = Model::open(directory.write("m.gguf", bytes));
    std::string manifest;
    for (const std::string tensor : {"a", "b"}) {
        manifest += weights_line(DigestKind::xxh64, std::string(16, '0'), "m.gguf:" + tensor) + "\n";
        manifest += line(DigestKind::sha256, model, bytes, tensor, "m.gguf");
        manifest += weights_line(DigestKind::sha1, std::string(40, '0'), "m.gguf:" + tensor) + "\n";
    }
    CHECK(check(model, manifest).good());
    CHECK_FALSE(check(model, manifest, DigestKind::sha1).good());
    CHECK_FALSE(check(model, manifest, DigestKind::xxh64).good());
    CHECK_THROWS_AS(check(model, manifest, DigestKind::xxh3_128), Error);
}

TEST_CASE("of several models in a manifest the one of the same name counts") {
    const test::TemporaryDirectory directory;
    const std::string bytes = model_bytes();
    const Model model = Model::open(directory.write("m.gguf", bytes));
    const std::string ours = line(DigestKind::sha1, model, bytes, "a", "dir/m.gguf") +
                             line(DigestKind::sha1, model, bytes, "b", "dir/m.gguf");
    const std::string other = weights_line(DigestKind::sha1, std::string(40, '0'), "n.gguf:a") + "\n";
    CHECK(check(model, ours + other).good());
    const std::string third = weights_line(DigestKind::sha1, std::string(40, '0'), "o.gguf:a") + "\n";
    CHECK_THROWS_AS(check(model, other + third), Error);

    const std::string file =
        file_line(DigestKind::sha256, digest_hex(DigestKind::sha256, as_bytes(bytes)), "x/m.gguf");
    const std::string readme = std::string(64, '0') + "  README.md\n";
    CHECK(check(model, readme + file).good());
    CHECK_THROWS_AS(check(model, readme + std::string(64, '1') + "  LICENSE\n"), Error);
}

TEST_CASE("of several files of one name in a manifest the one with the most of the path in common counts") {
    const test::TemporaryDirectory directory;
    const std::string bytes = model_bytes();
    std::filesystem::create_directories(directory.path() / "x" / "y");
    const Model model = Model::open(directory.write("x/y/m.gguf", bytes));
    const std::string right = digest_hex(DigestKind::sha256, as_bytes(bytes));
    const std::string wrong(64, '0');
    const auto found = [&](const std::vector<std::pair<std::string, std::string>>& lines) {
        std::string manifest;
        for (const auto& [hex, path] : lines) manifest += file_line(DigestKind::sha256, hex, path) + "\n";
        return check(model, manifest);
    };
    CHECK(found({{wrong, "m.gguf"}, {right, "y/m.gguf"}, {wrong, "z/m.gguf"}}).good());
    CHECK(found({{wrong, "a/y/m.gguf"}, {right, "x/y/m.gguf"}}).good());
    CHECK(found({{wrong, "a/m.gguf"}, {right, "m.gguf"}}).good());
    CHECK(found({{wrong, "x/y/m.gguf"}, {right, model.name()}}).good());
    CHECK(found({{wrong, "y/m.gguf"}, {right, (directory.path() / "x/./z/../y/m.gguf").string()}}).good());
    CHECK(found({{right, "a/m.gguf"}, {right, "b/m.gguf"}}).checks.size() == 1);
    CHECK_THROWS_AS(found({{wrong, "a/m.gguf"}, {right, "b/m.gguf"}}), Error);
    CHECK_THROWS_AS(found({{wrong, "m.gguf"}, {right, "m.gguf"}}), Error);
    // Two that fit equally well may have digests of different kinds: the stronger one counts.
    CHECK(found({{right, "a/m.gguf"}, {std::string(40, '0'), "b/m.gguf"}}).good());
}

TEST_CASE("a file's name can be its digest") {
    const test::TemporaryDirectory directory;
    const std::string bytes = model_bytes();
    const std::string sha256 = digest_hex(DigestKind::sha256, as_bytes(bytes));
    const std::string prefix = "blob " + std::to_string(bytes.size()) + std::string(1, '\0');
    const std::string git = digest_hex(DigestKind::sha1, as_bytes(prefix + bytes));
    for (const std::string& name : {"sha256-" + sha256, sha256, git}) {
        CAPTURE(name);
        directory.write(name, bytes);
        std::filesystem::create_symlink(name, directory.path() / "link.gguf");
        const Model model = Model::open((directory.path() / "link.gguf").string());
        const auto named = digest_in_name(model.shards()[0].file);
        REQUIRE(named);
        CHECK(verify_named(model, 0, *named, {}).verdict == Verdict::same);
        directory.write(name, bytes + "x");
        const Model longer = Model::open((directory.path() / name).string());
        CHECK(verify_named(longer, 0, *named, {}).verdict == Verdict::different);
        std::filesystem::remove(directory.path() / "link.gguf");
    }
    const Model plain = Model::open(directory.write("m.gguf", bytes));
    CHECK_FALSE(digest_in_name(plain.shards()[0].file));
}

TEST_CASE("in memory: only what is wholly resident is digested") {
    const std::string bytes = model_bytes();
    const test::WarmFile file(bytes);
    const Model model = Model::open(file.path());
    test::FakePageCache cache(bytes.size());
    ReadOptions options;
    options.page_cache = &cache;
    file.warm({0, bytes.size()});
    const std::string manifest = line(DigestKind::sha1, model, bytes, "a", "m.gguf") +
                                 line(DigestKind::sha1, model, bytes, "b", "m.gguf");
    const VerifyPlan plan = plan_verification(model, parse_manifest(manifest, "manifest"));
    cache.set_resident(0, 1);
    const Verification some = verify(model, plan, {}, true, options);
    CHECK(some.good());
    CHECK(some.count(Verdict::unchecked) == 1);
    CHECK(some.checked == 400);
    CHECK(some.bytes == 20400);
    cache.set_resident(0, bytes.size() / page_size() + 1);
    CHECK(verify(model, plan, {}, true, options).count(Verdict::same) == 2);
}

TEST_CASE("in memory: what the kernel does not tell is an error, not nothing") {
    const std::string bytes = model_bytes();
    const test::WarmFile file(bytes);
    const Model model = Model::open(file.path());
    const test::FakePageCache silent(bytes.size(), false);
    ReadOptions options;
    options.page_cache = &silent;
    const VerifyPlan plan = plan_verification(
        model, parse_manifest(line(DigestKind::sha1, model, bytes, "a", "m.gguf"), "manifest"));
    const auto kind_of_failure = [](const auto& ask) {
        try {
            ask();
        } catch (const Error& error) {
            CHECK(error.reason() == "the kernel does not tell what of it is in memory");
            return error.kind();
        }
        return ErrorKind::usage;
    };
    CHECK(kind_of_failure([&] { digest_resident(model, {DigestKind::sha1}, {}, options); }) == ErrorKind::io);
    CHECK(kind_of_failure([&] { verify(model, plan, {}, true, options); }) == ErrorKind::io);
    CHECK(kind_of_failure([&] { compare_with_disk(model, options); }) == ErrorKind::io);
}

TEST_CASE("in memory: pages that are not there are not waited for, and memory equals the disk") {
    const std::string bytes = model_bytes();
    const test::WarmFile file(bytes);
    const Model model = Model::open(file.path());
    const KernelPageCache cache;
    if (cache.method(model.shards()[0].file) != CacheMethod::cachestat) {
        MESSAGE("skipped: the kernel does not count pages here");
        return;
    }
    file.warm({0, 8192});
    const std::uint64_t before = *cache.query(model.shards()[0].file, {0, bytes.size()}).resident;
    const ResidentDigests found = digest_resident(model, {DigestKind::sha1}, {}, {});
    CHECK(found.resident[0]);
    const CacheComparison compared = compare_with_disk(model, {});
    CHECK(compared.faults.empty());
    CHECK(compared.compared >= 8192);
    CHECK(*cache.query(model.shards()[0].file, {0, bytes.size()}).resident == before);
}
