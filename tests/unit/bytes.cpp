#include "ggufmap/bytes.hpp"

#include <doctest/doctest.h>

#include "ggufmap/checked.hpp"

using namespace ggufmap;

TEST_CASE("merged() joins what touches and drops what is empty") {
    CHECK(merged({{8, 2}, {0, 4}, {4, 4}, {20, 0}, {30, 5}, {31, 1}}) ==
          std::vector<Range>{{0, 10}, {30, 5}});
    CHECK(merged({}).empty());
}

TEST_CASE("page_cover() takes in every touched page") {
    CHECK(page_cover({1, 1}, 4096) == Range{0, 4096});
    CHECK(page_cover({4095, 2}, 4096) == Range{0, 8192});
    CHECK(page_cover({4096, 4096}, 4096) == Range{4096, 4096});
    CHECK(page_cover({5000, 0}, 4096).empty());
}

TEST_CASE("arithmetic on file numbers does not wrap") {
    constexpr std::uint64_t top = ~std::uint64_t{0};
    CHECK(checked::add(top, 0) == top);
    CHECK_FALSE(checked::add(top, 1));
    CHECK_FALSE(checked::multiply(std::uint64_t{1} << 32, std::uint64_t{1} << 32));
    CHECK(checked::align_up(33, 32) == 64);
    CHECK_FALSE(checked::align_up(top - 15, 32));  // PAD(2^64-16) is not 0
}
