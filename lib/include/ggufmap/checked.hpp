// The only place that adds, multiplies or aligns numbers which came from a file.
// Each function returns nothing where the true result does not fit 64 bits.
#pragma once

#include <cstdint>
#include <optional>

namespace ggufmap::checked {

constexpr std::optional<std::uint64_t> add(std::uint64_t a, std::uint64_t b) {
    std::uint64_t sum = 0;
    if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
    return sum;
}

constexpr std::optional<std::uint64_t> multiply(std::uint64_t a, std::uint64_t b) {
    std::uint64_t product = 0;
    if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
    return product;
}

/// The smallest multiple of `alignment` that is not below `value`; `alignment` is a power of two.
constexpr std::optional<std::uint64_t> align_up(std::uint64_t value, std::uint64_t alignment) {
    const auto sum = add(value, alignment - 1);
    if (!sum) return std::nullopt;
    return *sum & ~(alignment - 1);
}

}  // namespace ggufmap::checked
