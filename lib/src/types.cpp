#include "ggufmap/types.hpp"

#include <algorithm>
#include <array>

#include "ggufmap/checked.hpp"

namespace ggufmap {
namespace {

constexpr auto current = TypeStatus::current;
constexpr auto fork = TypeStatus::fork;
constexpr auto removed = TypeStatus::removed;

// id, name, elements a block, bytes a block, bytes a row before its blocks
constexpr std::array table = {
    TensorType{0, "F32", 1, 4, 0, current},           TensorType{1, "F16", 1, 2, 0, current},
    TensorType{2, "Q4_0", 32, 18, 0, current},        TensorType{3, "Q4_1", 32, 20, 0, current},
    TensorType{4, "Q4_2", 16, 10, 0, removed},        TensorType{5, "Q4_3", 16, 12, 0, removed},
    TensorType{6, "Q5_0", 32, 22, 0, current},        TensorType{7, "Q5_1", 32, 24, 0, current},
    TensorType{8, "Q8_0", 32, 34, 0, current},        TensorType{9, "Q8_1", 32, 36, 0, current},
    TensorType{10, "Q2_K", 256, 84, 0, current},      TensorType{11, "Q3_K", 256, 110, 0, current},
    TensorType{12, "Q4_K", 256, 144, 0, current},     TensorType{13, "Q5_K", 256, 176, 0, current},
    TensorType{14, "Q6_K", 256, 210, 0, current},     TensorType{15, "Q8_K", 256, 292, 0, current},
    TensorType{16, "IQ2_XXS", 256, 66, 0, current},   TensorType{17, "IQ2_XS", 256, 74, 0, current},
    TensorType{18, "IQ3_XXS", 256, 98, 0, current},   TensorType{19, "IQ1_S", 256, 50, 0, current},
    TensorType{20, "IQ4_NL", 32, 18, 0, current},     TensorType{21, "IQ3_S", 256, 110, 0, current},
    TensorType{22, "IQ2_S", 256, 82, 0, current},     TensorType{23, "IQ4_XS", 256, 136, 0, current},
    TensorType{24, "I8", 1, 1, 0, current},           TensorType{25, "I16", 1, 2, 0, current},
    TensorType{26, "I32", 1, 4, 0, current},          TensorType{27, "I64", 1, 8, 0, current},
    TensorType{28, "F64", 1, 8, 0, current},          TensorType{29, "IQ1_M", 256, 56, 0, current},
    TensorType{30, "BF16", 1, 2, 0, current},         TensorType{31, "Q4_0_4_4", 32, 18, 0, removed},
    TensorType{32, "Q4_0_4_8", 32, 18, 0, removed},   TensorType{33, "Q4_0_8_8", 32, 18, 0, removed},
    TensorType{34, "TQ1_0", 256, 54, 0, current},     TensorType{35, "TQ2_0", 256, 66, 0, current},
    TensorType{36, "IQ4_NL_4_4", 32, 18, 0, removed}, TensorType{37, "IQ4_NL_4_8", 32, 18, 0, removed},
    TensorType{38, "IQ4_NL_8_8", 32, 18, 0, removed}, TensorType{39, "MXFP4", 32, 17, 0, current},
    TensorType{40, "NVFP4", 64, 36, 0, current},      TensorType{41, "Q1_0", 128, 18, 0, current},
    TensorType{42, "Q2_0", 64, 18, 0, current},       TensorType{97, "q8_0_x4", 32, 34, 0, fork},
    TensorType{98, "q8_1_x4", 32, 36, 0, fork},       TensorType{99, "q8_2_x4", 32, 36, 0, fork},
    TensorType{133, "q6_0", 32, 26, 0, fork},         TensorType{134, "iq1_bn", 64, 13, 2, fork},
    TensorType{135, "iq2_bn", 64, 16, 4, fork},       TensorType{136, "q8_K64", 64, 68, 0, fork},
    TensorType{137, "iq2_k", 256, 76, 0, fork},       TensorType{138, "iq3_k", 256, 110, 0, fork},
    TensorType{139, "iq4_k", 256, 144, 0, fork},      TensorType{140, "iq5_k", 256, 176, 0, fork},
    TensorType{141, "iq6_k", 256, 212, 0, fork},      TensorType{144, "iq4_ks", 256, 136, 4, fork},
    TensorType{145, "iq2_ks", 256, 70, 2, fork},      TensorType{146, "iq4_kss", 256, 128, 4, fork},
    TensorType{147, "q8_K16", 64, 64, 20, fork},      TensorType{148, "q8_K32", 256, 296, 0, fork},
    TensorType{149, "q8_KR8", 256, 296, 0, fork},     TensorType{150, "q8_K128", 128, 140, 0, fork},
    TensorType{151, "q8_KV", 32, 32, 8, fork},        TensorType{152, "iq5_ks", 256, 168, 4, fork},
    TensorType{153, "iq2_kt", 256, 68, 4, fork},      TensorType{154, "iq3_kt", 256, 100, 4, fork},
    TensorType{155, "iq4_kt", 256, 128, 4, fork},     TensorType{156, "iq3_ks", 256, 102, 2, fork},
    TensorType{157, "iq2_kl", 256, 86, 2, fork},      TensorType{158, "iq1_kt", 256, 56, 4, fork},
    TensorType{202, "q4_0_r8", 32, 18, 0, fork},      TensorType{206, "q5_0_r4", 32, 22, 0, fork},
    TensorType{208, "q8_0_r8", 32, 34, 0, fork},      TensorType{210, "q2_k_r4", 256, 84, 0, fork},
    TensorType{211, "q3_k_r4", 256, 110, 0, fork},    TensorType{212, "q4_k_r4", 256, 144, 0, fork},
    TensorType{213, "q5_k_r4", 256, 176, 0, fork},    TensorType{214, "q6_k_r4", 256, 210, 0, fork},
    TensorType{216, "iq2_xxs_r4", 256, 66, 0, fork},  TensorType{217, "iq2_xs_r4", 256, 74, 0, fork},
    TensorType{218, "iq3_xxs_r4", 256, 98, 0, fork},  TensorType{219, "iq1_s_r4", 32, 6, 2, fork},
    TensorType{220, "iq4_nl_r4", 32, 18, 0, fork},    TensorType{221, "iq3_s_r4", 256, 110, 0, fork},
    TensorType{222, "iq2_s_r4", 256, 82, 0, fork},    TensorType{223, "iq4_xs_r8", 256, 136, 0, fork},
    TensorType{229, "iq1_m_r4", 32, 7, 2, fork},      TensorType{230, "bf16_r16", 1, 2, 0, fork},
    TensorType{233, "q6_0_r4", 32, 26, 0, fork},      TensorType{335, "iq2_bn_r4", 64, 16, 4, fork},
    TensorType{337, "iq2_k_r4", 256, 76, 0, fork},    TensorType{338, "iq3_k_r4", 256, 110, 0, fork},
    TensorType{339, "iq4_k_r4", 256, 144, 0, fork},   TensorType{340, "iq5_k_r4", 256, 176, 0, fork},
    TensorType{344, "iq4_ks_r4", 256, 136, 4, fork},  TensorType{352, "iq5_ks_r4", 256, 168, 4, fork},
    TensorType{353, "mxfp4_r8", 32, 17, 0, fork},     TensorType{397, "q8_k_r16", 256, 258, 0, fork},
    TensorType{398, "q8_KV_r8", 32, 32, 4, fork},     TensorType{399, "q8_k_r8", 256, 258, 0, fork},
};
static_assert(std::is_sorted(table.begin(), table.end(),
                             [](const auto& a, const auto& b) { return a.id < b.id; }));

struct ValueTypeInfo {
    std::string_view name;
    std::uint32_t bytes;
};
constexpr std::array<ValueTypeInfo, value_type_count> value_types = {{
    {"uint8", 1},
    {"int8", 1},
    {"uint16", 2},
    {"int16", 2},
    {"uint32", 4},
    {"int32", 4},
    {"float32", 4},
    {"bool", 1},
    {"string", 0},
    {"array", 0},
    {"uint64", 8},
    {"int64", 8},
    {"float64", 8},
}};

}  // namespace

std::string_view name_of(ValueType type) {
    const auto index = static_cast<std::size_t>(type);
    return index < value_types.size() ? value_types[index].name : "unknown";
}

std::uint32_t size_of(ValueType type) {
    const auto index = static_cast<std::size_t>(type);
    return index < value_types.size() ? value_types[index].bytes : 0;
}

std::span<const TensorType> tensor_types() { return table; }

// ggml's own ids stand at their own places, which 100,000 tensors notice.
constexpr std::uint32_t dense_ids = 43;
static_assert(table[dense_ids - 1].id == dense_ids - 1 && table[0].id == 0);

const TensorType* find_tensor_type(std::uint32_t id) {
    if (id < dense_ids) return &table[id];
    const auto at =
        std::lower_bound(table.begin(), table.end(), id,
                         [](const TensorType& type, std::uint32_t wanted) { return type.id < wanted; });
    return at != table.end() && at->id == id ? &*at : nullptr;
}

std::optional<std::uint64_t> element_count(std::span<const std::uint64_t> dimensions) {
    // A zero must not hide a product that wraps (2^32 x 2^32 x 0), so the others are multiplied first.
    std::uint64_t product = 1;
    bool zero = false;
    for (const std::uint64_t dimension : dimensions) {
        if (dimension == 0) {
            zero = true;
            continue;
        }
        const auto next = checked::multiply(product, dimension);
        if (!next || *next > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
        product = *next;
    }
    return zero ? 0 : product;
}

std::optional<std::uint64_t> tensor_bytes(const TensorType& type, std::span<const std::uint64_t> dimensions) {
    const auto elements = element_count(dimensions);
    const std::uint64_t row_elements = dimensions.empty() ? 1 : dimensions[0];
    if (!elements || row_elements % type.block_elements != 0) return std::nullopt;
    if (*elements == 0) return 0;
    const auto blocks = checked::multiply(*elements / type.block_elements, type.block_bytes);
    const auto rows = checked::multiply(*elements / row_elements, type.row_bytes);
    if (!blocks || !rows) return std::nullopt;
    return checked::add(*blocks, *rows);
}

}  // namespace ggufmap
