#include "detail/leased_map.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "support/temporary_directory.hpp"

using namespace ggufmap;
using detail::LeasedMap;

namespace {

const std::string content = std::string(100'000, 'a') + std::string(100'000, 'b');

// False where this file system or user gets no lease: the rest would test nothing.
bool lends(LeasedMap& map) {
    if (!map.borrow({0, 1})) {
        MESSAGE("skipped: no leases here");
        return false;
    }
    map.give_back({0, 1});
    return true;
}

}  // namespace

TEST_CASE("a leased map lends the file's bytes from any offset") {
    const test::TemporaryDirectory directory;
    const File file = File::open(directory.write("f", content));
    LeasedMap map(file, LeasedMap::ReadAhead::no);
    if (!lends(map)) return;
    for (const Range range : {Range{0, 200'000}, Range{99'999, 2}, Range{199'999, 1}, Range{4096, 4096}}) {
        const auto bytes = map.borrow(range);
        REQUIRE(bytes);
        CHECK((as_text(*bytes) == std::string_view(content).substr(range.offset, range.size)));
        map.give_back(range);
    }
}

TEST_CASE("whoever cuts the file waits for what is borrowed, and then nothing is lent") {
    const test::TemporaryDirectory directory;
    const std::string path = directory.write("f", content);
    const File file = File::open(path);
    LeasedMap map(file, LeasedMap::ReadAhead::no);
    if (!lends(map)) return;
    const auto bytes = map.borrow({0, 200'000});
    REQUIRE(bytes);
    std::atomic<bool> cut = false;
    std::jthread cutter([&] {
        CHECK(::truncate(path.c_str(), 10) == 0);
        cut = true;
    });
    while (map.borrow({0, 1})) {  // until the cutter waits
        map.give_back({0, 1});
        std::this_thread::yield();
    }
    CHECK_FALSE(cut);
    CHECK((as_text(*bytes) == content));
    map.give_back({0, 200'000});
    cutter.join();
    CHECK(cut);
    CHECK_FALSE(map.borrow({0, 1}));  // it is no longer the file that was opened
}

TEST_CASE("nothing is lent of a file that somebody writes to") {
    const test::TemporaryDirectory directory;
    const std::string path = directory.write("f", content);
    const File file = File::open(path);
    LeasedMap map(file, LeasedMap::ReadAhead::no);
    if (!lends(map)) return;
    {
        const Fd writer(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
        CHECK_FALSE(map.borrow({0, 1}));
        // But it can be copied, as far as it goes.
        std::string copy(content.size(), 0);
        const auto out = std::as_writable_bytes(std::span(copy));
        CHECK(map.copy(0, out));
        CHECK((copy == content));
        REQUIRE(::ftruncate(writer.get(), 10'000) == 0);
        CHECK_FALSE(map.copy(0, out));
        CHECK(map.copy(0, out.first(10'000)));
        REQUIRE(::ftruncate(writer.get(), static_cast<off_t>(content.size())) == 0);
    }
    CHECK(map.borrow({0, 1}));
    map.give_back({0, 1});
}

TEST_CASE("an empty file lends nothing") {
    const test::TemporaryDirectory directory;
    const File file = File::open(directory.write("f", ""));
    LeasedMap map(file, LeasedMap::ReadAhead::no);
    CHECK_FALSE(map.borrow({0, 0}));
}
