// Blocks of weights as floats. Source of the layouts: ggml-common.h and the format notes of ggml (August
// 2026).
#include <bit>
#include <cassert>

#include "ggufmap/diff.hpp"
#include "ggufmap/types.hpp"

namespace ggufmap {
namespace {

enum TypeId : std::uint32_t { f32 = 0, f16 = 1, q4_0 = 2, q8_0 = 8, q4_k = 12, q6_k = 14, bf16 = 30 };

float from_half(const std::byte* from) {
    const auto bits = load_le<std::uint16_t>(from);
    const std::uint32_t sign = (bits & 0x8000U) << 16;
    const std::uint32_t exponent = (bits >> 10) & 0x1fU;
    const std::uint32_t fraction = bits & 0x3ffU;
    if (exponent == 0) {  // zero and subnormals: fraction x 2^-24
        const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
        return sign != 0 ? -magnitude : magnitude;
    }
    const std::uint32_t wide = exponent == 0x1f ? 0xffU : exponent + 127 - 15;
    return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

unsigned byte_at(const std::byte* from) { return std::to_integer<unsigned>(*from); }
int signed_byte_at(const std::byte* from) { return load_le<std::int8_t>(from); }

// d, then 16 bytes: low nibbles are the first half.
void block_q4_0(const std::byte* from, float* out) {
    const float d = from_half(from);
    for (unsigned j = 0; j < 16; ++j) {
        const unsigned both = byte_at(from + 2 + j);
        out[j] = d * (static_cast<float>(both & 15U) - 8);
        out[j + 16] = d * (static_cast<float>(both >> 4) - 8);
    }
}

void block_q8_0(const std::byte* from, float* out) {
    const float d = from_half(from);
    for (unsigned j = 0; j < 32; ++j) out[j] = d * static_cast<float>(signed_byte_at(from + 2 + j));
}

// d, dmin, 12 bytes with eight scales and eight minimums of 6 bits, 128 bytes of nibbles.
void block_q4_k(const std::byte* from, float* out) {
    const float d = from_half(from);
    const float dmin = from_half(from + 2);
    const std::byte* const packed = from + 4;
    const std::byte* const quants = from + 16;
    for (unsigned sub = 0; sub < 8; ++sub) {
        const unsigned own = byte_at(packed + sub % 4);  // scale of sub % 4, two high bits of the scale + 4
        const unsigned low = byte_at(packed + 4 + sub % 4);   // the same for the minimum
        const unsigned high = byte_at(packed + 8 + sub % 4);  // four low bits of scale + 4 and minimum + 4
        const unsigned scale = sub < 4 ? own & 63U : (high & 15U) | (own >> 6) << 4;
        const unsigned minimum = sub < 4 ? low & 63U : high >> 4 | (low >> 6) << 4;
        for (unsigned j = 0; j < 32; ++j) {
            const unsigned both = byte_at(quants + sub / 2 * 32 + j);
            const unsigned nibble = sub % 2 == 0 ? both & 15U : both >> 4;
            out[sub * 32 + j] = d * static_cast<float>(scale) * static_cast<float>(nibble) -
                                dmin * static_cast<float>(minimum);
        }
    }
}

// 128 bytes of low nibbles, 64 of high pairs of bits, 16 scales, d.
void block_q6_k(const std::byte* from, float* out) {
    const float d = from_half(from + 208);
    for (unsigned half = 0; half < 2; ++half) {
        const std::byte* const low = from + half * 64;
        const std::byte* const high = from + 128 + half * 32;
        const std::byte* const scales = from + 192 + half * 8;
        for (unsigned quarter = 0; quarter < 4; ++quarter) {
            for (unsigned j = 0; j < 32; ++j) {
                const unsigned both = byte_at(low + quarter % 2 * 32 + j);
                const unsigned nibble = quarter < 2 ? both & 15U : both >> 4;
                const unsigned pair = byte_at(high + j) >> (2 * quarter) & 3U;
                const auto scale = static_cast<float>(signed_byte_at(scales + quarter * 2 + j / 16));
                out[half * 128 + quarter * 32 + j] =
                    d * scale * (static_cast<float>(nibble | pair << 4) - 32);
            }
        }
    }
}

using Block = void (*)(const std::byte*, float*);

Block block_function(std::uint32_t type) {
    switch (type) {
        case f32:
            return [](const std::byte* from, float* out) { *out = load_le<float>(from); };
        case f16:
            return [](const std::byte* from, float* out) { *out = from_half(from); };
        case bf16:
            return [](const std::byte* from, float* out) {
                *out = std::bit_cast<float>(std::uint32_t{load_le<std::uint16_t>(from)} << 16);
            };
        case q4_0:
            return block_q4_0;
        case q8_0:
            return block_q8_0;
        case q4_k:
            return block_q4_k;
        case q6_k:
            return block_q6_k;
        default:
            return nullptr;
    }
}

}  // namespace

bool can_dequantise(std::uint32_t type) { return block_function(type) != nullptr; }

void dequantise(std::uint32_t type, Bytes bytes, std::span<float> out) {
    const Block block = block_function(type);
    const TensorType* const shape = find_tensor_type(type);
    assert(block != nullptr && shape != nullptr);
    const std::size_t blocks = bytes.size() / shape->block_bytes;
    assert(out.size() == blocks * shape->block_elements);
    for (std::size_t i = 0; i < blocks; ++i)
        block(bytes.data() + i * shape->block_bytes, out.data() + i * shape->block_elements);
}

}  // namespace ggufmap
