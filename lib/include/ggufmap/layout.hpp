// What the parts of a model are: which layer and which kind of block a tensor belongs to, what lies where in
// a file, how many parameters there are. Names as llama.cpp's tensor tables give them (August 2026).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "ggufmap/export.hpp"
#include "ggufmap/model.hpp"

namespace ggufmap {

enum class Part { header, embed, attn, ffn, experts, norm, output, other };
inline constexpr std::size_t part_count = 8;

/// "header", "embed", ... as the option --part spells them.
GGUFMAP_API std::string_view name_of(Part part);
GGUFMAP_API std::optional<Part> parse_part(std::string_view name);

/// What a tensor is for, read off its name.
struct Role {
    Part part = Part::other;
    std::optional<std::uint32_t> layer;  ///< the N of "blk.N."
    std::string_view stack;        ///< what stands before "blk.": "" for most, "enc", "dec", "v", "a" ...
    bool stacked_experts = false;  ///< one slice an expert along the last dimension ("_exps")
    bool router = false;           ///< chooses the experts (ffn_gate_inp)
};

GGUFMAP_API Role role_of(std::string_view tensor_name);

/// More than any model has (hundreds): a dimension from a hostile file must not become a loop.
inline constexpr std::uint64_t max_experts = 65536;

/// Experts stacked in this tensor (its last dimension, at most max_experts), 0 where it is none of those. The
/// slices lie one behind the other and are equally large.
GGUFMAP_API std::uint64_t expert_slices(const Tensor& tensor);

struct GGUFMAP_API Amount {
    std::uint64_t tensors = 0;
    std::uint64_t elements = 0;
    std::uint64_t bytes = 0;

    Amount& operator+=(const Amount& other);
    /// 8 x bytes / elements; nothing where there are no elements.
    std::optional<double> bits_per_weight() const;
};

/// A layer, or (without a number) all that belongs to none.
struct GGUFMAP_API LayerAmounts {
    std::string_view stack;
    std::optional<std::uint32_t> layer;
    std::array<Amount, part_count> parts{};

    Amount total() const;
    Amount operator[](Part part) const { return parts[static_cast<std::size_t>(part)]; }
};

/// What belongs to no layer first, then the layers by stack and number. Tensors of unknown size count with 0
/// bytes.
GGUFMAP_API std::vector<LayerAmounts> amounts_by_layer(const Model& model);

struct Parameters {
    std::uint64_t total = 0;
    /// Used for one token: of stacked experts only expert_used_count / expert_count. Equals total for dense
    /// models.
    std::uint64_t active = 0;
};
/// Elements of all tensors.
GGUFMAP_API Parameters count_parameters(const Model& model);

/// A stretch of a file and what fills it.
struct Region {
    enum class Kind {
        header,    ///< magic to the end of the tensor infos
        tensor,    ///< a tensor's data; of tensors that overlap, the part that no earlier one has
        padding,   ///< up to alignment - 1 bytes up to the next aligned offset
        gap,       ///< more than alignment asks for
        trailing,  ///< behind the last tensor and its padding
    };
    Kind kind;
    Range range;
    const Tensor* tensor = nullptr;  ///< for Kind::tensor
};

/// Calls `visit` for each region of the file from 0 to its end, without holes; what reaches beyond the end is
/// cut off, empty regions are left out.
GGUFMAP_API void for_each_region(const Shard& shard, const std::function<void(const Region&)>& visit);
/// The same for a header whose file has, or will have, `file_bytes`.
GGUFMAP_API void for_each_region(const Gguf& gguf, std::uint64_t file_bytes,
                                 const std::function<void(const Region&)>& visit);

}  // namespace ggufmap
