#include "common/args.hpp"

#include <doctest/doctest.h>

#include "common/standard_options.hpp"
#include "ggufmap/error.hpp"

using namespace ggufmap;
using namespace ggufmap::cli;

namespace {

const Tool& sample() {
    static const Tool tool(
        "gguf-x", "[OPTION]... MODEL...", "be an example",
        {{"", {option::models()}},
         {"Work",
          {optional_value("--hash", "ALG", "digest").choose_several({"xxh3", "xxh64"}),
           value("--size", "SIZE", "limit"), value("--tensor", "GLOB", "names").repeatable(),
           option::verbose(), option::jobs(), option::null(), option::json()}}});
    return tool;
}

/// `words` must outlive nothing: the Args copy what they need.
Args read(std::vector<std::string> words) { return Args(sample(), words); }

std::string complaint(std::vector<std::string> words) {
    try {
        read(std::move(words));
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::usage);
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("options and positionals come in any order") {
    const Args args = read({"a.gguf", "--size", "5", "-v", "b.gguf", "-j4", "-v0", "--", "--json", "-"});
    CHECK(args.all("MODEL") == std::vector<std::string>{"a.gguf", "b.gguf", "--json", "-"});
    CHECK(args.size("--size") == 5U);
    CHECK(args.number("--jobs") == 4U);
    CHECK(args.count("-v") == 2);
    CHECK(args.has("--null"));
    CHECK_FALSE(args.has("--json"));
}

TEST_CASE("an optional value never swallows the next argument") {
    CHECK(read({"--hash", "m.gguf"}).text("--hash") == "");
    CHECK(read({"--hash", "m.gguf"}).all("MODEL") == std::vector<std::string>{"m.gguf"});
    CHECK(read({"--hash=xxh3,xxh64", "m"}).list("--hash") == std::vector<std::string>{"xxh3", "xxh64"});
    CHECK_FALSE(read({"m"}).text("--hash"));
}

TEST_CASE("values are taken as they stand") {
    CHECK(read({"[a,b].gguf"}).all("MODEL") == std::vector<std::string>{"[a,b].gguf"});
    CHECK(read({"--tensor", "[ab]", "--tensor=[c,d]", "--tensor", "-x", "m"}).all("--tensor") ==
          std::vector<std::string>{"[ab]", "[c,d]", "-x"});
    CHECK(read({"{}", "%", ""}).all("MODEL") == std::vector<std::string>{"{}", "%", ""});
}

TEST_CASE("usage errors say what is wrong") {
    CHECK(complaint({}) == "MODEL is missing");
    CHECK(complaint({"--help"}) == "");
    CHECK(complaint({"m", "--bogus=1"}) == "unknown option '--bogus'");
    CHECK(complaint({"m", "-vZ"}) == "unknown option '-Z'");
    CHECK(complaint({"m", "-1"}) == "unknown option '-1'");
    CHECK(complaint({"m", "--size"}) == "--size needs a value");
    CHECK(complaint({"--size=", "m"}) == "--size: the value is empty");
    CHECK(complaint({"m", "--json=x"}) == "--json takes no value");
    CHECK(complaint({"m", "--hash=md5"}) == "--hash: 'md5' is not one of xxh3, xxh64");
    CHECK_THROWS_WITH_AS(read({"m", "--size", "010"}).size("--size"),
                         "--size: '010' is not a size (like 512, 512M, 512MB)", Error);
    CHECK_THROWS_WITH_AS(read({"m", "-j0"}).number("--jobs", {1, 8}), "--jobs: '0' is not in 1 to 8", Error);
    CHECK_THROWS_WITH_AS(read({"m", "-0", "--json"}).at_most_one_of({"--json", "--null"}),
                         "--json and --null exclude each other", Error);
    CHECK_THROWS_AS(read({"m"}).has("--nonesuch"), std::logic_error);
}

TEST_CASE("an option that counts once is not given twice") {
    CHECK(complaint({"--size=1", "--size=2", "m"}) == "--size: may be given only once");
    CHECK(complaint({"--hash", "--hash=xxh3", "m"}) == "--hash: may be given only once");
    CHECK(complaint({"-j", "1", "--jobs=1", "m"}) == "--jobs: may be given only once");
    CHECK(complaint({"--tensor=a", "--tensor=b", "-v", "-v", "m"}).empty());
}
