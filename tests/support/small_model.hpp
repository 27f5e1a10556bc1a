// Small well-formed models as bytes, for tests of what comes after parsing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ggufmap/checked.hpp"
#include "ggufmap/types.hpp"
#include "ggufmap/write.hpp"

namespace ggufmap::test {

struct SmallTensor {
    std::string name;
    std::vector<std::uint64_t> dimensions;
    std::uint32_t type = 0;
};

/// Keys as `header` has them, then `tensors` one behind the other at `alignment`, each filled with bytes that
/// tell its number and position; padded to the alignment at the end.
inline std::string small_model(HeaderWriter header, const std::vector<SmallTensor>& tensors,
                               std::uint64_t alignment = 32) {
    std::string data;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        const SmallTensor& tensor = tensors[i];
        header.add_tensor(tensor.name, tensor.dimensions, tensor.type, data.size());
        const auto size = *tensor_bytes(*find_tensor_type(tensor.type), tensor.dimensions);
        for (std::uint64_t b = 0; b < size; ++b) data += static_cast<char>(i * 31 + b * 7 + b / 256);
        data.resize(*checked::align_up(data.size(), alignment));
    }
    std::string bytes = header.bytes();
    bytes.resize(*checked::align_up(bytes.size(), alignment));
    return bytes + data;
}

}  // namespace ggufmap::test
