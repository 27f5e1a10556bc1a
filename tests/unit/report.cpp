#include "common/report.hpp"

#include <doctest/doctest.h>

#include "support/fake_io.hpp"

using namespace ggufmap;
using namespace ggufmap::cli;
using ggufmap::test::FakeIo;
using Dimensions = std::vector<std::uint64_t>;

namespace {

const std::vector<Column> columns{
    {"name", "NAME"}, {"shape", "SHAPE"}, {"bytes", "BYTES", Shows::size}, {"resident", "%", Shows::percent}};

void fill(Report& report) {
    report.row({std::string("a\tb\x1b"), Dimensions{4, 2}, std::uint64_t{2048}, 12.5});
    report.row({std::string("\u00e9"), Dimensions{}, std::uint64_t{7}, {}});
    report.finish();
}

std::string printed(Style style, unsigned width = 0) {
    FakeIo io;
    io.terminal_of_out = {.present = width > 0, .width = width};
    Report report(io, style, columns);
    fill(report);
    return io.output();
}

}  // namespace

TEST_CASE("people get aligned columns, human units and no control bytes") {
    CHECK(printed({}) ==
          "NAME     SHAPE   BYTES      %\n"
          "a\\tb\\x1b 4 x 2 2.0 KiB 12.5 %\n"
          "\u00e9                  7 B      -\n");
    CHECK(printed({.exact_bytes = true}).find(" 2048 ") != std::string::npos);
}

TEST_CASE("on a narrow terminal text gives way, figures do not") {
    CHECK(printed({}, 26) ==
          "NAME  SHAPE   BYTES      %\n"
          "a\\tb\u2026 4 x 2 2.0 KiB 12.5 %\n"
          "\u00e9               7 B      -\n");
    // Both to 4 columns, and no further: figures stand beyond the edge, but whole.
    CHECK(printed({}, 12) ==
          "NAME SHA\u2026   BYTES      %\n"
          "a\\t\u2026 4 x\u2026 2.0 KiB 12.5 %\n"
          "\u00e9             7 B      -\n");
}

TEST_CASE("text is cut between characters, by the columns they take") {
    FakeIo io;
    io.terminal_of_out = {.present = true, .width = 7};
    Report report(io, {}, {{"name", "N"}, {"n", "#", Shows::number}});
    report.row({std::string("\u6a21\u578b\u6a21\u578b"), std::uint64_t{1}});
    report.row({std::string("\u6a21\u578b"), std::uint64_t{2}});
    report.row({std::string("e\u0301e\u0301e\u0301e\u0301e\u0301"), std::uint64_t{3}});
    report.finish();
    CHECK(io.output() ==
          "N     #\n"
          "\u6a21\u578b\u2026 1\n"
          "\u6a21\u578b  2\n"
          "e\u0301e\u0301e\u0301e\u0301e\u0301 3\n");
}

TEST_CASE("a table without rows is nothing; later rows keep the columns of those before") {
    FakeIo io;
    Report empty(io, {}, columns);
    empty.finish();
    CHECK(io.output().empty());
    Report report(io, {}, {{"name", "N"}, {"n", "#", Shows::number}});
    for (std::uint64_t i = 0; i < 5000; ++i) report.row({std::string(i == 0 ? "long" : "s"), i});
    report.finish();
    CHECK(io.output().starts_with("N       #\nlong    0\ns       1\n"));
    CHECK(io.output().ends_with("\ns    4999\n"));
    CHECK(io.output().find('N', 1) == std::string::npos);
}

TEST_CASE("scripts get exact values, escaped; unknown is empty") {
    CHECK(printed({.format = Format::tsv}) ==
          "name\tshape\tbytes\tresident\na\\tb\\x1b\t4 x 2\t2048\t12.5\n\u00e9\t\t7\t\n");
    CHECK(printed({.format = Format::nul}) ==
          std::string("a\\tb\\x1b\t4 x 2\t2048\t12.5\0\u00e9\t\t7\t\0", 32));
}

TEST_CASE("JSON rows are typed; unknown is null") {
    std::string out;
    JsonWriter json([&](std::string_view piece) { out += piece; });
    Report report(json, columns);
    fill(report);
    json.finish();
    CHECK(out ==
          "[\n  {\"name\": \"a\\tb\\u001b\", \"shape\": [4, 2], \"bytes\": 2048, \"resident\": 12.5},\n"
          "  {\"name\": \"\u00e9\", \"shape\": [], \"bytes\": 7, \"resident\": null}\n]\n");
}
