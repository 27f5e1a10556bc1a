#include "ggufmap/checksums.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "ggufmap/error.hpp"
#include "support/temporary_directory.hpp"

using namespace ggufmap;

namespace {

const std::string hex32 = "0123456789abcdef0123456789abcdef";

}  // namespace

TEST_CASE("a checksum list has the lines of every xxhsum, and comments") {
    const auto list = parse_checksums(hex32 + "  b.gguf\n\n# a comment\nXXH128 (a b.gguf) = " + hex32 +
                                          "\n# " + hex32 + "  gone.gguf\n" + hex32 + " *../c.gguf\n",
                                      "list");
    const std::vector<Checksum> wanted = {
        {"../c.gguf", hex32}, {"a b.gguf", hex32}, {"b.gguf", hex32}, {"gone.gguf", hex32, true}};
    CHECK(list == wanted);
    CHECK(find_checksum(list, "b.gguf") == hex32);
    CHECK_FALSE(find_checksum(list, "gone.gguf"));
}

TEST_CASE("what is no XXH128 of a file is refused, with its line") {
    for (const std::string& line :
         {hex32, hex32 + "  ", hex32 + "ab  a", "sha256    " + hex32 + hex32 + "  a",
          "xxh3      " + hex32 + "  m.gguf:tensor", std::string("nonsense")}) {
        CAPTURE(line);
        CHECK_THROWS_WITH_AS(parse_checksums("# fine\n" + line + "\n", "list"),
                             doctest::Contains("list: line 2"), Error);
    }
}

TEST_CASE("a list names a file by the way that leads to it") {
    const test::TemporaryDirectory folder;
    std::filesystem::create_directories(folder.path() / "lists");
    std::filesystem::create_directories(folder.path() / "models");
    const auto lists = OutputDirectory::open((folder.path() / "lists").string());
    const File away = File::open(folder.write("models/m.gguf", "model"));
    const File beside = File::open(folder.write("lists/m.gguf", "another"));
    const File odd = File::open(folder.write("models/two\nlines", "odd"));
    const File gone = File::open(folder.write("models/gone", "gone"));
    std::filesystem::remove(folder.path() / "models/gone");
    CHECK(name_in_list(*lists, away) == "../models/m.gguf");
    CHECK(name_in_list(*lists, beside) == "m.gguf");
    CHECK_FALSE(name_in_list(*lists, odd));
    CHECK_FALSE(name_in_list(*lists, gone));
}
