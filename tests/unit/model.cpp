#include "ggufmap/model.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "ggufmap/error.hpp"
#include "ggufmap/pagecache.hpp"
#include "support/make_gguf.hpp"
#include "support/small_model.hpp"
#include "support/temporary_directory.hpp"
#include "support/warm_file.hpp"

using namespace ggufmap;

namespace {

std::string shard_bytes(std::uint16_t number, std::uint16_t count, std::int32_t tensors,
                        const std::string& tensor) {
    HeaderWriter header;
    if (number == 0) header.add("general.architecture", "llama");
    header.add("split.no", number);
    header.add("split.count", count);
    header.add("split.tensors.count", tensors);
    return test::small_model(std::move(header), {{tensor, {64}, 0}});
}

std::string failure(const std::string& name, const Places& places = {}) {
    try {
        Model::open(name, places).require_complete();
    } catch (const Error& error) {
        return error.what();
    }
    return "opened";
}

}  // namespace

TEST_CASE("shard names are those of llama.cpp, and nothing else") {
    const auto name = parse_shard_name("dir/m-00002-of-00005.gguf");
    REQUIRE(name);
    CHECK(name->prefix == "dir/m");
    CHECK(name->number == 2);
    CHECK(name->count == 5);
    CHECK(shard_path(name->prefix, 2, 5) == "dir/m-00002-of-00005.gguf");
    for (const char* other : {"m.gguf", "m-2-of-5.gguf", "m-00006-of-00005.gguf", "m-00000-of-00005.gguf",
                              "m-0000a-of-00005.gguf", "m-00001-of-00005.ggml", "-of-.gguf", ""})
        CHECK_FALSE(parse_shard_name(other));
}

TEST_CASE("one shard name stands for the set") {
    const test::TemporaryDirectory dir;
    const std::string first = dir.write("m-00001-of-00002.gguf", shard_bytes(0, 2, 2, "a"));
    const std::string second = dir.write("m-00002-of-00002.gguf", shard_bytes(1, 2, 2, "b"));
    for (const std::string& name : {first, second}) {
        const Model model = Model::open(name);
        CHECK(model.shards().size() == 2);
        CHECK(model.head().architecture() == "llama");
        REQUIRE(model.find_tensor("b"));
        CHECK(model.find_tensor("b")->shard == 1);
        model.require_complete();
        model.check_unchanged();
    }
    CHECK(Model::open(second, {}, {.siblings = ModelOpening::Siblings::none}).tensors().size() == 1);
}

TEST_CASE("shards that are missing or foreign are named") {
    const test::TemporaryDirectory dir;
    const std::string first = dir.write("m-00001-of-00002.gguf", shard_bytes(0, 2, 2, "a"));
    CHECK(failure(first).find("m-00002-of-00002.gguf: shard 2 of 2 is missing") != std::string::npos);
    dir.write("m-00002-of-00002.gguf", shard_bytes(1, 3, 2, "b"));
    CHECK(failure(first).find("key 'split.count': is 3, wanted 2") != std::string::npos);
    dir.write("m-00002-of-00002.gguf", shard_bytes(1, 2, 9, "b"));
    CHECK(failure(first).find("split.tensors.count") != std::string::npos);
    dir.write("m-00002-of-00002.gguf", shard_bytes(1, 2, 2, "a"));
    CHECK(failure(first).find("tensor 'a': the tensor is in another shard, too") != std::string::npos);
}

TEST_CASE("a truncated file names the tensor and what is missing") {
    const test::TemporaryDirectory dir;
    std::string bytes = test::small_model(HeaderWriter(), {{"a", {64}, 0}, {"b", {64}, 0}});
    bytes.resize(bytes.size() - 100);
    CHECK(failure(dir.write("m.gguf", bytes)).find("truncated at tensor 2 of 2: 100 bytes are missing") !=
          std::string::npos);
}

TEST_CASE("shared memory and Ollama names become paths") {
    const test::TemporaryDirectory dir;
    Places places{dir.path().string(), dir.path().string()};
    CHECK(resolve_model("shm:llama", places) == dir.path().string() + "/llama");
    CHECK(resolve_model("shm:/llama", places) == dir.path().string() + "/llama");
    CHECK_THROWS_AS(resolve_model("shm:../x", places), Error);
    CHECK_THROWS_AS(resolve_model("ollama:../../x", places), Error);

    const std::string digest(64, 'a');
    std::filesystem::create_directories(dir.path() / "manifests/registry.ollama.ai/library/tiny");
    dir.write(
        "manifests/registry.ollama.ai/library/tiny/latest",
        R"({"layers":[{"mediaType":"x","digest":7},{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:)" +
            digest + R"("}]})");
    CHECK(resolve_model("ollama:tiny", places) == dir.path().string() + "/blobs/sha256-" + digest);
    CHECK(resolve_model("ollama:library/tiny:latest", places) ==
          dir.path().string() + "/blobs/sha256-" + digest);
    dir.write(
        "manifests/registry.ollama.ai/library/tiny/bad",
        R"({"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:../../etc/passwd"}]})");
    CHECK(failure("ollama:tiny:bad", places).find("digest is not of the form") != std::string::npos);
}

TEST_CASE("what is no regular file is refused without waiting for it") {
    const test::TemporaryDirectory dir;
    CHECK(failure(dir.path().string()).find("is a directory, not a model") != std::string::npos);
    CHECK(failure("/dev/null").find("is a character device") != std::string::npos);
    CHECK(failure(dir.path().string() + "/none").find("cannot open: No such file") != std::string::npos);
    CHECK(failure(dir.write("empty.gguf", "")).find("the file is empty") != std::string::npos);
}

TEST_CASE("opening a model leaves readahead on for whoever reads its weights") {
    const test::TemporaryDirectory dir;
    const std::string path = dir.write("m.gguf", test::small_model(HeaderWriter(), {{"t", {4 << 20}, 0}}));
    const Model model = Model::open(path);
    const File& file = model.shards()[0].file;
    fdatasync(file.fd());
    posix_fadvise(file.fd(), 0, 0, POSIX_FADV_DONTNEED);
    const KernelPageCache cache;
    const auto resident = [&] { return cache.query(file, {0, file.size()}).resident; };
    if (resident() != 0) {
        MESSAGE("skipped: this file system keeps what it is told to drop");
        return;
    }
    std::byte byte{};
    for (std::uint64_t page = 0; page < 4; ++page) file.read_exactly(page * page_size(), {&byte, 1});
    CHECK(*resident() > 4);
}

TEST_CASE("who looks at the page cache opens a model without changing it") {
    std::string text = "kv general.name str x\n";
    for (int i = 0; i < 8000; ++i)
        text += "tensor blk." + std::to_string(i) + ".a_rather_long_name_for_a_tensor.weight F32 512\n";
    const test::WarmFile disk(test::make_gguf(text));
    const auto look = [&] {
        const File file = disk.open();
        const auto map = KernelPageCache().map(file, {0, file.size()});
        return map ? map->stretches(true) : std::vector<Range>();
    };
    const auto resident = [&] {
        for (std::vector<Range> before;;) {  // until readahead that is on its way has come
            ::usleep(20'000);
            const std::vector<Range> now = look();
            if (now == before) return now;
            before = now;
        }
    };
    const Model wanted = Model::open(disk.path());
    // Of the start somebody else reads so much, with readahead: that leaves marks on pages, and read(2) reads
    // what follows a page with a mark.
    for (const std::uint64_t start : {0U, 4096U, 200'000U, 3'000'000U}) {
        CAPTURE(start);
        disk.evict();
        const Fd other(::open(disk.path().c_str(), O_RDONLY | O_CLOEXEC));
        std::vector<std::byte> bytes(start);
        CHECK(::read(other.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(start));
        const std::vector<Range> before = resident();
        const Model model = Model::open(disk.path(), {}, {.headers = ModelOpening::Headers::untouched});
        const Bytes header = model.head().header();
        CHECK(std::ranges::equal(header, wanted.head().header()));
        CHECK(resident() == before);
    }
}
