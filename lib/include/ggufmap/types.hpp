// Tensor types and metadata value types by number: name, block shape, size.
// Source: ggml's ggml.h (ids 0-42) and ik_llama.cpp's (97-399), August 2026.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "ggufmap/export.hpp"

namespace ggufmap {

/// Metadata value types as numbered in the file.
enum class ValueType : std::uint32_t {
    uint8 = 0,
    int8 = 1,
    uint16 = 2,
    int16 = 3,
    uint32 = 4,
    int32 = 5,
    float32 = 6,
    boolean = 7,
    string = 8,
    array = 9,
    uint64 = 10,
    int64 = 11,
    float64 = 12,
};
inline constexpr std::uint32_t value_type_count = 13;

/// "uint8" ... "float64", "bool", "string", "array"; "unknown" for numbers the format does not define.
GGUFMAP_API std::string_view name_of(ValueType type);

/// Bytes of one value; 0 for strings and arrays, whose size stands in the file.
GGUFMAP_API std::uint32_t size_of(ValueType type);

enum class TypeStatus {
    current,  ///< in ggml
    fork,     ///< in ik_llama.cpp only
    removed,  ///< an id that ggml once used; no loader takes it any more
};

/// How a tensor type lays out its elements: ne0 / block_elements blocks of block_bytes in each row, after
/// row_bytes of metadata a row.
struct TensorType {
    std::uint32_t id;
    std::string_view name;
    std::uint32_t block_elements;
    std::uint32_t block_bytes;
    std::uint32_t row_bytes;
    TypeStatus status;
};

/// Every type there is, by rising id.
GGUFMAP_API std::span<const TensorType> tensor_types();

/// Nothing for an id nobody has defined.
GGUFMAP_API const TensorType* find_tensor_type(std::uint32_t id);

/// Bytes of a tensor with these dimensions (ne0 first; none: one element; a zero: 0 bytes). Nothing where ne0
/// is no multiple of the block or the size does not fit 64 bits; intermediate products do not wrap either.
GGUFMAP_API std::optional<std::uint64_t> tensor_bytes(const TensorType& type,
                                                      std::span<const std::uint64_t> dimensions);

/// Product of the dimensions; nothing where it, or the product of the non-zero ones, does not fit 63 bits.
GGUFMAP_API std::optional<std::uint64_t> element_count(std::span<const std::uint64_t> dimensions);

}  // namespace ggufmap
