#include "ggufmap/mapping.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <numeric>

#include "detail/populate.hpp"
#include "ggufmap/error.hpp"
#include "support/sanitizer.hpp"
#include "support/small_model.hpp"
#include "support/temporary_directory.hpp"

using namespace ggufmap;

namespace {

constexpr std::uint64_t big = 64 * 1024;  // F32 elements: 64 pages

std::string model_bytes(const std::string& tensor = "t") {
    return test::small_model(HeaderWriter(), {{"first", {8}, 0}, {tensor, {big}, 0}});
}

std::string shard_bytes(std::uint16_t number, bool whole_pages) {
    HeaderWriter header;
    header.add("split.no", number);
    header.add("split.count", std::uint16_t{2});
    header.add("split.tensors.count", std::int32_t{2});
    std::string bytes = test::small_model(std::move(header), {{number == 0 ? "a" : "b", {big}, 0}});
    if (whole_pages) bytes.resize((bytes.size() + 4095) / 4096 * 4096);
    return bytes;
}

std::string failure(const std::function<void()>& act) {
    try {
        act();
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("a tensor is a span over the file's own pages") {
    const test::TemporaryDirectory dir;
    const std::string bytes = model_bytes();
    const Mapping mapping = Mapping::open(dir.write("m.gguf", bytes));
    const Range where = *mapping.model().find_tensor("t")->range;
    CHECK((as_text(mapping.tensor("t")) == bytes.substr(where.offset, where.size)));
    CHECK(mapping.tensor("t").data() == mapping.shard(0).data() + where.offset);
    CHECK(mapping.contiguous());
    CHECK_THROWS_AS(mapping.tensor("nope"), Error);
    CHECK_THROWS_AS(mapping.bytes({0, {bytes.size(), 1}}), Error);
    CHECK_THROWS_AS(mapping.bytes({1, {0, 1}}), Error);
    CHECK(mapping.tensors(Selection().add_tensor("f*")).size() == 1);
}

TEST_CASE("moving a mapping moves no byte") {
    const test::TemporaryDirectory dir;
    Mapping mapping = Mapping::open(dir.write("m.gguf", model_bytes()));
    const Bytes before = mapping.tensor("t");
    const Mapping other = std::move(mapping);
    CHECK(other.tensor("t").data() == before.data());
    CHECK(other.stats().mappings == 1);
}

TEST_CASE("a shard set lies in one address range, without a hole where shards are whole pages") {
    for (const bool whole_pages : {true, false}) {
        const test::TemporaryDirectory dir;
        const std::string first = shard_bytes(0, whole_pages);
        const std::string second = shard_bytes(1, whole_pages);
        dir.write("m-00001-of-00002.gguf", first);
        const Mapping mapping = Mapping::open(dir.write("m-00002-of-00002.gguf", second));
        CHECK(mapping.contiguous() == whole_pages);
        CHECK((as_text(mapping.shard(0)) == first));
        CHECK((as_text(mapping.shard(1)) == second));
        CHECK(mapping.shard(1).data() - mapping.shard(0).data() ==
              static_cast<std::ptrdiff_t>((first.size() + 4095) / 4096 * 4096));
        CHECK(mapping.tensor("b").size() == big * 4);
    }
}

TEST_CASE("the files of a shard set can each begin on a huge page") {
    const test::TemporaryDirectory dir;
    const std::string second = shard_bytes(1, true);
    const std::string name = dir.write("m-00001-of-00002.gguf", shard_bytes(0, true));
    dir.write("m-00002-of-00002.gguf", second);
    const Mapping mapping = Mapping::open(name, {}, Mapping::Layout::aligned);
    CHECK_FALSE(mapping.contiguous());
    CHECK((as_text(mapping.shard(1)) == second));
    for (const std::uint32_t shard : {0U, 1U})
        CHECK(reinterpret_cast<std::uintptr_t>(mapping.shard(shard).data()) % (2 << 20) == 0);
}

TEST_CASE("stream hands out every byte in order and in pieces") {
    const test::TemporaryDirectory dir;
    const Mapping mapping = Mapping::open(dir.write("m.gguf", model_bytes()));
    const std::string whole(as_text(mapping.tensor("t")));
    for (const std::uint64_t chunk : {std::uint64_t{1000}, std::uint64_t{4096}, std::uint64_t{1} << 30}) {
        std::string streamed;
        mapping.stream("t", chunk, [&](std::uint64_t offset, Bytes piece) {
            CHECK(offset == streamed.size());
            CHECK(piece.size() <= chunk);
            streamed += as_text(piece);
        });
        CHECK((streamed == whole));
    }
    CHECK_THROWS_AS(mapping.stream("t", 0, [](auto, auto) {}), Error);
}

TEST_CASE("a file that is cut while it is mapped is an error, not a signal") {
    const test::TemporaryDirectory dir;
    const std::string path = dir.write("m.gguf", model_bytes());
    const Mapping mapping = Mapping::open(path);
    std::filesystem::resize_file(path, 8 * 4096 + 100);
    const auto count = [](std::uint64_t, Bytes piece) {
        return std::accumulate(piece.begin(), piece.end(), 0,
                               [](int sum, std::byte b) { return sum + int(b); });
    };
    CHECK(failure([&] { mapping.stream("t", 4096, count); }).find("the file shrank while it was mapped") !=
          std::string::npos);
    CHECK(failure([&] {
              mapping.lock({0, {0, mapping.shard(0).size()}});
          }).find("shrank") != std::string::npos);
    // In the last page that is left, beyond the new end: no signal there, but not the file's bytes either.
    CHECK(failure([&] { mapping.verify({0, {8 * 4096 + 50, 100}}); }).find("shrank") != std::string::npos);
    mapping.verify({0, {0, 8 * 4096}});

    // A bare span has no such guard: who reads it dies of SIGBUS, as mapping.hpp says.
    const pid_t child = fork();
    if (child == 0) {
        signal(SIGBUS, SIG_DFL);  // sanitizers have a handler of their own
        const volatile std::byte* last = mapping.shard(0).data() + mapping.shard(0).size() - 1;
        _exit(static_cast<int>(*last));
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGBUS);
}

TEST_CASE("a file that is written to while it streams is an error") {
    const test::TemporaryDirectory dir;
    const std::string path = dir.write("m.gguf", model_bytes());
    const Mapping mapping = Mapping::open(path);
    std::filesystem::last_write_time(path,
                                     std::filesystem::file_time_type::clock::now() + std::chrono::seconds(5));
    CHECK(failure([&] { mapping.stream("t", 4096, [](auto, auto) {}); }).find("written to") !=
          std::string::npos);
}

TEST_CASE("a model beyond its file is not mapped") {
    const test::TemporaryDirectory dir;
    const std::string bytes = model_bytes();
    const std::string path = dir.write("m.gguf", bytes.substr(0, bytes.size() - 1000));
    CHECK(failure([&] { Mapping::open(path); }).find("truncated at tensor 2 of 2") != std::string::npos);
}

TEST_CASE("open_first takes what exists and does not hide what is broken") {
    const test::TemporaryDirectory dir;
    const std::string good = dir.write("good.gguf", model_bytes());
    const std::string bad = dir.write("bad.gguf", "nonsense");
    const std::string none = dir.path().string() + "/none.gguf";
    CHECK(Mapping::open_first({none, good, bad}).model().name() == good);
    CHECK(failure([&] {
              Mapping::open_first({none, bad, good});
          }).find("not a GGUF file") != std::string::npos);
    CHECK(failure([&] { Mapping::open_first({none}); }).find("none of these models exists") !=
          std::string::npos);
}

TEST_CASE("stats tell what is mapped, present and locked") {
    const test::TemporaryDirectory dir;
    const Mapping mapping = Mapping::open(dir.write("m.gguf", model_bytes()));
    const ShardRange all{0, {0, mapping.shard(0).size()}};
    CHECK(mapping.stats().mapped >= mapping.shard(0).size());
    mapping.verify(all);
    const MappingStats after = mapping.stats();
    REQUIRE(after.present);
    CHECK(*after.present == after.mapped);
    CHECK(*after.page_tables >= 4096);
    CHECK(after.resident == mapping.shard(0).size());
    CHECK(after.locked == 0);
    mapping.advise(all, Advice::random);
    mapping.advise(all, Advice::cold);
    if (test::address_sanitizer) return;  // it turns munlock into nothing
    mapping.lock(all);
    CHECK(mapping.stats().locked == after.mapped);
    mapping.unlock(all);
    CHECK(mapping.stats().locked == 0);
}

TEST_CASE("kernels without MADV_POPULATE_READ are served by reading") {
    const test::TemporaryDirectory dir;
    const std::string path = dir.write("m.gguf", model_bytes());
    const File file = File::open(path);
    void* at = mmap(nullptr, file.size(), PROT_READ, MAP_SHARED, file.fd(), 0);
    REQUIRE(at != MAP_FAILED);
    auto* bytes = static_cast<std::byte*>(at);
    for (const auto way : {detail::PopulateWay::kernel, detail::PopulateWay::read})
        CHECK(detail::populate(bytes, file.size(), file.fd(), 0, way) == 0);
    std::filesystem::resize_file(path, 4096);
    for (const auto way : {detail::PopulateWay::kernel, detail::PopulateWay::read})
        CHECK(detail::populate(bytes, file.size(), file.fd(), 0, way) == EFAULT);
    munmap(at, file.size());
}
