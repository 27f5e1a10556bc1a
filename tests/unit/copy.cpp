// Bytes on their way from files into files: the same ones, whichever way they take.
#include "ggufmap/copy.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <random>

#include "ggufmap/digest.hpp"
#include "ggufmap/error.hpp"
#include "support/temporary_directory.hpp"
#include "support/unwatched.hpp"
#include "support/warm_file.hpp"

using namespace ggufmap;
using test::Unwatched;

namespace {

std::string random_bytes(std::size_t size) {
    std::mt19937_64 random(17);
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i + 8 <= bytes.size(); i += 8) {
        const std::uint64_t word = random();
        bytes.replace(i, 8, reinterpret_cast<const char*>(&word), 8);
    }
    return bytes;
}

/// What `pieces` come to in a file that is written with these options.
std::string copied(std::span<const Piece> pieces, const OutputFile::Options& options, unsigned jobs = 1) {
    const test::TemporaryDirectory folder;
    std::uint64_t size = 0;
    for (const Piece& piece : pieces) size += piece.range.size;
    OutputFile file = OutputFile::create((folder.path() / "copy").string(), options);
    file.reserve(size);
    FileSink sink(file, size, jobs);
    Unwatched progress;
    Digest seen(DigestKind::xxh3_128);
    Copier(Reflink::never, progress, jobs).copy(pieces, sink, 0, [&](const Piece&, Bytes part) {
        seen.update(part);
    });
    sink.finish();
    file.commit();
    CHECK(progress.done == size);
    std::string content = test::file_content(folder.path() / "copy");
    CHECK(seen.hex() == digest_hex(DigestKind::xxh3_128, as_bytes(content)));
    return content;
}

}  // namespace

TEST_CASE("several threads copy the same bytes and show them in the same order") {
    const test::TemporaryDirectory folder;
    const std::string bytes = random_bytes(20'000'003);
    const File source = File::open(folder.write("source", bytes));
    std::vector<Piece> pieces;
    pieces.push_back(Piece::given("a header of odd length"));
    pieces.push_back(Piece::zeros(3'000'001));
    pieces.push_back(Piece::of(source, {1, 20'000'000}));
    pieces.push_back(Piece::zeros(0));
    for (std::uint64_t at = 0; at < 19'000'000; at += 777'777)
        pieces.push_back(Piece::of(source, {at, 700'001}));
    std::string wanted = pieces[0].text + std::string(3'000'001, '\0') + bytes.substr(1, 20'000'000);
    for (std::uint64_t at = 0; at < 19'000'000; at += 777'777) wanted += bytes.substr(at, 700'001);
    REQUIRE(wanted.size() > 32U << 20);  // smaller copies are not shared among threads

    for (const unsigned jobs : {1U, 2U, 5U, 100U}) {
        CAPTURE(jobs);
        CHECK((copied(pieces, {.keep_cache = true, .durable = false}, jobs) == wanted));
        CHECK((copied(pieces, {}, jobs) == wanted));
    }
}

TEST_CASE("what is read past the page cache is written as it lies, or moved to where it belongs") {
    const std::string bytes = random_bytes((32 << 20) + 8421);
    const test::WarmFile cold(bytes);
    const File source = cold.open();
    struct Place {
        std::uint64_t source, header, left;  // bytes before and behind what is copied
    };
    for (const Place place : {Place{0, 0, 0}, {0, 4096, 1}, {32, 32, 4321}, {4100, 4, 0}, {32, 4100, 1}}) {
        CAPTURE(place.source);
        CAPTURE(place.header);
        const std::uint64_t size = bytes.size() - place.source - place.left;
        const Piece data = Piece::of(source, {place.source, size});
        const std::vector<Piece> pieces = {Piece::given(std::string(place.header, 'h')), data,
                                           Piece::given("tail"), data};
        const std::string wanted = bytes.substr(place.source, size);
        CHECK((copied(pieces, {}) == pieces[0].text + wanted + "tail" + wanted));
    }
}

TEST_CASE("an error in one of several threads ends them all") {
    const test::TemporaryDirectory folder;
    const std::string path = folder.write("source", "");
    std::filesystem::resize_file(path, 40 << 20);
    const File source = File::open(path);
    std::filesystem::resize_file(path, 30 << 20);
    const Piece all = Piece::of(source, {0, 40 << 20});
    NullSink nowhere;
    Unwatched progress;
    std::string reason;
    try {
        Copier(Reflink::never, progress, 4).copy({&all, 1}, nowhere, 0);
    } catch (const Error& error) {
        reason = error.reason();
    }
    CHECK(reason.starts_with("the file shrank while it was read"));
}
