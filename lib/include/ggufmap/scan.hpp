// Looks at weights for what no quantiser writes: NaN, infinity, scales beyond reason, zeros where a download
// stopped. Says nothing about types whose layout is not public.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "ggufmap/bytes.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/model.hpp"
#include "ggufmap/types.hpp"

namespace ggufmap {

/// How well a type can be scanned.
enum class ScanDepth {
    values,   ///< plain floats: each is looked at
    scales,   ///< blocks: their scale fields are looked at
    zeros,    ///< plain integers: nothing is wrong with any of them, but they may all be zero
    unknown,  ///< the layout is not known for sure: only zeros are looked for
};
GGUFMAP_API ScanDepth scan_depth(std::uint32_t type);

/// Scale fields of f16 beyond this are absurd: weights of 8 bits would reach half of what f16 can hold.
inline constexpr double absurd_scale = 256.0;
/// So are plain f32, f64 and bf16 values beyond 2^24. (f16 has no room for absurd values.)
inline constexpr double absurd_value = 16777216.0;

/// Plain floats have no blocks: where they are zero is counted by this many bytes, from the tensor's start.
inline constexpr std::uint64_t plain_block_bytes = 4096;

struct GGUFMAP_API TensorScan {
    ScanDepth depth = ScanDepth::unknown;
    std::uint64_t bytes = 0;
    std::uint64_t blocks = 0;                ///< looked at; elements for plain types
    std::uint64_t nan = 0;                   ///< scale fields or values that are NaN
    std::uint64_t infinite = 0;              ///< that are infinite
    std::uint64_t absurd = 0;                ///< that are beyond absurd_scale or absurd_value
    std::uint64_t zero_scale_blocks = 0;     ///< blocks whose scale fields are all zero: all weights are 0
    std::uint64_t zero_blocks = 0;           ///< of these: every byte is zero, which quantisers rarely write;
                                             ///< of plain floats: whole stretches of plain_block_bytes
    std::optional<std::uint64_t> first_bad;  ///< offset in the tensor of the first block counted in nan,
                                             ///< infinite or absurd
    std::uint64_t trailing_zeros = 0;        ///< bytes at the end
    std::shared_ptr<const Error> error = {};  ///< why the tensor could not be read; the rest is void then

    bool all_zero() const { return bytes > 0 && trailing_zeros == bytes; }
    /// Blocks, but not one scale that is not zero.
    bool all_scales_zero() const {
        return depth == ScanDepth::scales && blocks > 0 && zero_scale_blocks == blocks;
    }
    /// What zero_blocks is out of.
    std::uint64_t countable_blocks() const {
        return depth == ScanDepth::values ? bytes / plain_block_bytes : blocks;
    }
    bool bad_numbers() const { return nan + infinite + absurd > 0; }
};

/// Scans one tensor, fed piece by piece.
class GGUFMAP_API TensorScanner {
public:
    explicit TensorScanner(std::uint32_t type);
    TensorScanner(TensorScanner&&) noexcept;
    TensorScanner& operator=(TensorScanner&&) noexcept;
    ~TensorScanner();
    void update(Bytes bytes);
    /// May be asked once.
    TensorScan finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Where a file's data turns to nothing but zeros up to its last tensor's end.
struct ZeroTail {
    std::uint32_t shard = 0;
    Range range;
    const ModelTensor* first = nullptr;  ///< the tensor in which it begins
};

/// Zero tails of a page (4096 bytes) or more that reach into a tensor of more than one dimension: biases may
/// well be zero, matrices are not. `scans` is by Model::tensors(); tensors without a
/// scan end a tail.
GGUFMAP_API std::vector<ZeroTail> zero_tails(const Model& model,
                                             const std::vector<std::optional<TensorScan>>& scans);

}  // namespace ggufmap
