// Well-formed models nobody would think of: for tests that must hold for all of them.
#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace ggufmap::test {

struct RandomModel {
    std::string bytes;
    std::uint64_t tensors = 0;
    std::uint64_t alignment = 32;
};

/// Alignments 1 to 4096, no tensors to `most_tensors`, empty ones among them, block and plain types, padded
/// or unpadded at the end, with leftover split keys and padding that is not zero between tensors.
RandomModel random_model(std::mt19937_64& random, std::uint64_t most_tensors);

}  // namespace ggufmap::test
