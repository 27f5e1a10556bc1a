#include "ggufmap/types.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

using namespace ggufmap;

TEST_CASE("every type is found by its id, and nothing else is") {
    for (const TensorType& type : tensor_types()) CHECK(find_tensor_type(type.id) == &type);
    for (const std::uint32_t unknown : {43U, 96U, 100U, 400U, std::numeric_limits<std::uint32_t>::max()})
        CHECK(find_tensor_type(unknown) == nullptr);
}

TEST_CASE("sizes are those of ggml's blocks, and never wrap") {
    const auto bytes = [](std::uint32_t type, std::initializer_list<std::uint64_t> dimensions) {
        return tensor_bytes(*find_tensor_type(type), std::vector<std::uint64_t>(dimensions));
    };
    CHECK(bytes(12, {4096, 2}) == 2 * 16 * 144);      // Q4_K
    CHECK(bytes(40, {128}) == 2 * 36);                // NVFP4
    CHECK(bytes(145, {512, 3}) == 3 * (2 + 2 * 70));  // iq2_ks: two bytes a row before its blocks
    CHECK(bytes(0, {}) == 4);                         // no dimensions: one element
    CHECK(bytes(8, {0, 7}) == 0);
    CHECK_FALSE(bytes(8, {33}));
    CHECK_FALSE(bytes(0, {1ULL << 32, 1ULL << 32}));
    CHECK_FALSE(bytes(0, {1ULL << 62}) == 0);
}
