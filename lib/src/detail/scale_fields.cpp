#include "detail/scale_fields.hpp"

#include <algorithm>
#include <iterator>

namespace ggufmap::detail {
namespace {

using enum ScaleForm;

// Source: the block structs of ggml-common.h (August 2026); 133 and 137-141 those of ik_llama.cpp, which
// begin with an f16 scale as well. Types that ik_llama.cpp interleaves by rows, or that keep a scale a row,
// are left out: unknown.
constexpr ScaleFields table[] = {
    {0, f32_values},     // F32
    {1, f16_values},     // F16
    {2, f16, 0},         // Q4_0: d
    {3, f16, 0, 2},      // Q4_1: d, m
    {6, f16, 0},         // Q5_0: d
    {7, f16, 0, 2},      // Q5_1: d, m
    {8, f16, 0},         // Q8_0: d
    {9, f16, 0, 2},      // Q8_1: d, s
    {10, f16, 80, 2},    // Q2_K: scales[16], qs[64], d, dmin
    {11, f16, 108},      // Q3_K: hmask[32], qs[64], scales[12], d
    {12, f16, 0, 2},     // Q4_K: d, dmin
    {13, f16, 0, 2},     // Q5_K: d, dmin
    {14, f16, 208},      // Q6_K: ql[128], qh[64], scales[16], d
    {15, f32, 0},        // Q8_K: d
    {16, f16, 0},        // IQ2_XXS: d
    {17, f16, 0},        // IQ2_XS: d
    {18, f16, 0},        // IQ3_XXS: d
    {19, f16, 0},        // IQ1_S: d
    {20, f16, 0},        // IQ4_NL: d
    {21, f16, 0},        // IQ3_S: d
    {22, f16, 0},        // IQ2_S: d
    {23, f16, 0},        // IQ4_XS: d
    {24, integers},      // I8
    {25, integers},      // I16
    {26, integers},      // I32
    {27, integers},      // I64
    {28, f64_values},    // F64
    {29, iq1_m, 48, 1},  // IQ1_M: qs[32], qh[16], scales[8]
    {30, bf16_values},   // BF16
    {34, f16, 52},       // TQ1_0: qs[48], qh[4], d
    {35, f16, 64},       // TQ2_0: qs[64], d
    {39, e8m0, 0},       // MXFP4: e
    {40, ue4m3, 0, 4},   // NVFP4: d[4]
    {41, f16, 0},        // Q1_0: d
    {42, f16, 0},        // Q2_0: d
    {133, f16, 0},       // Q6_0: d
    {137, f16, 0},       // IQ2_K: d
    {138, f16, 0},       // IQ3_K: d
    {139, f16, 0},       // IQ4_K: d
    {140, f16, 0},       // IQ5_K: d
    {141, f16, 0},       // IQ6_K: d
};

}  // namespace

ScaleFields scale_fields(std::uint32_t type) {
    const auto* const found = std::lower_bound(
        std::begin(table), std::end(table), type,
        [](const ScaleFields& fields, std::uint32_t wanted) { return fields.type < wanted; });
    if (found == std::end(table) || found->type != type) return {type, unknown};
    return *found;
}

}  // namespace ggufmap::detail
