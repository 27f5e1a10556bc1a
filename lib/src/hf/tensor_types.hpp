// The few of ggml's tensor types that are treated by name here, by their numbers in ggml.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ggufmap::hf {

enum TensorTypeId : std::uint32_t { f32 = 0, f16 = 1, bf16 = 30, mxfp4 = 39 };

/// A block of MXFP4, in bytes: a scale, then 32 numbers.
constexpr std::size_t mxfp4_block = 17, mxfp4_nibbles = 16;

}  // namespace ggufmap::hf
