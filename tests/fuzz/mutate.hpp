// Included by targets whose input is a GGUF file: half of libFuzzer's mutations, and those of replay.cpp,
// know the structure of the header.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>

#include "mutate_gguf.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most,
                                               unsigned int seed) {
    if (seed % 2 == 0) return LLVMFuzzerMutate(data, size, most);
    std::mt19937_64 random(seed);
    const std::string mutated =
        ggufmap::fuzz::mutate_gguf({reinterpret_cast<const char*>(data), size}, random);
    const std::size_t kept = std::min(mutated.size(), most);
    std::memcpy(data, mutated.data(), kept);
    return kept;
}
