// Where the blocks of each tensor type keep their scales.
#pragma once

#include <cstdint>

namespace ggufmap::detail {

enum class ScaleForm : std::uint8_t {
    unknown,     // layout not sure
    integers,    // plain, no scales
    f16_values,  // plain floats
    bf16_values,
    f32_values,
    f64_values,
    f16,    // `count` f16 fields, two bytes apart
    f32,    // one f32
    e8m0,   // one byte, a power of two: 0xff is NaN (OCP MX 1.0)
    ue4m3,  // `count` bytes, f8 without sign: 0x7f is NaN
    iq1_m,  // one f16 in the upper nibbles of four u16
};

struct ScaleFields {
    std::uint32_t type;
    ScaleForm form;
    std::uint16_t offset = 0;  // in the block
    std::uint8_t count = 1;
};

/// By type id; form unknown for all that are not in the table.
ScaleFields scale_fields(std::uint32_t type);

}  // namespace ggufmap::detail
