// A model's tensors under Hugging Face names: where their bytes lie in the GGUF and what must be done to
// them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ggufmap/bytes.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/hf/vocabulary.hpp"
#include "ggufmap/model.hpp"

namespace ggufmap::hf {

/// How HF's bytes come from GGUF's. Moving rows is exact for every type: a quantized block never spans two.
enum class Rework {
    none,           ///< the same bytes
    rotated_rows,   ///< each head's rows: pairs (a, b) of llama.cpp's rotation to all a, then all b
    rows_by_head,   ///< q of all heads, k, v -> q k v of each head
    rows_by_group,  ///< q of all heads, k, v -> q...q k v of each key-value head
    transposed,     ///< [rows, columns] -> [columns, rows], each of `slices`; with `second`, rows in turn
    rows_in_turn,   ///< a row of the source, one of `second`, and so on
    mxfp4_blocks,  ///< the 16 bytes of each block, its nibbles in order; rows in turn where there is `second`
    mxfp4_scales,  ///< the first byte of each block, likewise
    joined_heads,  ///< of each of `slices`: the source's matrix transposed, then that of `second`
    minus_one,     ///< F32: w + 1 -> w
    log_of_negative  ///< F32: -exp(a) -> a
};

/// The name of a type among the model's tensors that no loader reads from safetensors; empty where there is
/// none. Readable are F32, F16, BF16, F64, the integers, and gpt-oss's experts in MXFP4.
GGUFMAP_API std::string_view unreadable_type(const Model& model);
/// True where there are such experts: loaders read them in another order, so that no blocks can be shared.
GGUFMAP_API bool has_packed_experts(const Model& model);

struct HfTensor {
    std::string name;
    std::string dtype;                 ///< as safetensors spells it; "U8" for quantized blocks
    std::vector<std::uint64_t> shape;  ///< slowest first; of quantized ones the last is bytes a row
    const Tensor* origin;              ///< of a quantized or sliced one, too
    std::uint32_t shard;
    Range source;         ///< in that shard's file
    std::uint64_t bytes;  ///< as HF has it
    Rework rework = Rework::none;
    std::uint64_t heads = 1;  ///< for the reworks of rows
    std::uint64_t groups = 1;
    std::uint64_t slices = 1;
    std::uint64_t row_bytes = 0;          ///< of the source, for the reworks that take rows in turn
    const ModelTensor* second = nullptr;  ///< what the source is joined with

    /// Blocks of a type that safetensors does not know, as they are.
    bool quantized() const;
    /// Its bytes take the place of the source's in a file that shares the GGUF's blocks.
    bool in_place() const { return !second && bytes == source.size; }
};

/// Every tensor that has an HF name, stacked experts one by one, in file order; empty where the architecture
/// has no mapping. `missing` gets a line for tensors without a name, and for layers and embeddings that are
/// not there: loaders would fill such gaps with random numbers. Throws Error (malformed) where rows or
/// experts do not divide, two tensors would bear one name, or a tensor lies beyond its file; Error
/// (unsupported) for a type or shape that the rework cannot be done on.
GGUFMAP_API std::vector<HfTensor> hf_tensors(const Model& model, Notes& missing);

/// Hands the tensor's bytes as HF has them to `sink`, in pieces at rising or scattered offsets from its start
/// that cover it once. Memory: a few MiB.
using PieceSink = std::function<void(std::uint64_t offset, Bytes piece)>;
GGUFMAP_API void read_tensor(const Model& model, const HfTensor& tensor, const PieceSink& sink);

}  // namespace ggufmap::hf
