#include "common/numbers.hpp"

#include <doctest/doctest.h>

using namespace ggufmap::cli;
using namespace std::chrono_literals;

TEST_CASE("a number is decimal digits and nothing else") {
    CHECK(parse_number("0") == 0U);
    CHECK(parse_number("18446744073709551615") == ~std::uint64_t{0});
    for (const char* bad :
         {"", "-1", "+1", " 1", "1 ", "010", "00", "0x10", "1e3", "1.0", "18446744073709551616"})
        CHECK_FALSE(parse_number(bad));
}

TEST_CASE("sizes follow coreutils") {
    CHECK(parse_size("0") == 0U);
    CHECK(parse_size("512M") == 512U << 20);
    CHECK(parse_size("512MiB") == 512U << 20);
    CHECK(parse_size("512MB") == 512'000'000U);
    CHECK(parse_size("1k") == 1024U);
    CHECK(parse_size("15E") == std::uint64_t{15} << 60);
    for (const char* bad : {"", "M", "16E", "1.5G", "1 M", "1Mi", "1MBB", "1b", "-1M", "1m", "01M"})
        CHECK_FALSE(parse_size(bad));
}

TEST_CASE("percentages and durations") {
    CHECK(parse_percent("95") == 95.0);
    CHECK(parse_percent("99.5%") == 99.5);
    for (const char* bad : {"", "%", "101", "-1", "1e1", "nan", ".5", "5."}) CHECK_FALSE(parse_percent(bad));
    CHECK(parse_duration("1.5") == 1500ms);
    CHECK(parse_duration("500ms") == 500ms);
    CHECK(parse_duration("10m") == 10min);
    for (const char* bad : {"", "s", "1d", "-1s", "99999999999h"}) CHECK_FALSE(parse_duration(bad));
}

TEST_CASE("ranges of numbers") {
    CHECK(parse_ranges("0-7,31") == std::vector<NumberRange>{{0, 7}, {31, 31}});
    for (const char* bad : {"", ",", "1,", "7-0", "1-", "-1", "1-2-3", "a"}) CHECK_FALSE(parse_ranges(bad));
}

TEST_CASE("numbers for people are never rounded up to what they are not") {
    CHECK(human_size(1023) == "1023 B");
    CHECK(human_size(1024) == "1.0 KiB");
    CHECK(human_size((1U << 20) - 1) == "1.0 MiB");  // never "1024.0 KiB"
    CHECK(human_size(~std::uint64_t{0}) == "16.0 EiB");
    CHECK(human_count(999) == "999");
    CHECK(human_count(7'615'616'512) == "7.62 B");
    CHECK(human_count(999'999) == "1.00 M");
    CHECK(human_percent(99.99) == "99.9 %");
    CHECK(human_percent(99.9) == "99.9 %");
    CHECK(human_percent(100) == "100.0 %");
    CHECK(human_duration(185s) == "3 min 05 s");
    CHECK(human_duration(7800s) == "2 h 10 min");
}
