// What differs between two models, however each is cut into files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ggufmap/error.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/gguf.hpp"
#include "ggufmap/model.hpp"
#include "ggufmap/select.hpp"
#include "ggufmap/weights.hpp"

namespace ggufmap {

/// A key of the metadata; only one side is null.
struct KeyDifference {
    std::string_view key;
    const KeyValue* before = nullptr;  ///< null: added
    const KeyValue* after = nullptr;   ///< null: removed
};

/// How far the weights are apart, after dequantisation.
struct ValueDifference {
    std::uint64_t elements = 0;
    std::uint64_t not_finite = 0;  ///< NaN or infinite on either side: left out of the rest
    double relative = 0;  ///< root of sum((after - before)^2) / sum(before^2); infinite if before is 0
    double largest = 0;   ///< largest |after - before|
};

struct TensorDifference {
    std::string_view name;
    const ModelTensor* before = nullptr;  ///< null: added
    const ModelTensor* after = nullptr;   ///< null: removed
    bool type = false;                    ///< types differ
    bool shape = false;                   ///< dimensions differ
    bool bytes = false;                   ///< bytes differ; always where type or shape do
    std::optional<ValueDifference> values = {};
    std::optional<Error> error = {};  ///< one of the two cannot be read
};

struct DiffRequest {
    bool values = false;       ///< dequantise tensors that differ, where can_dequantise says yes to both
    Selection selection = {};  ///< which tensors; metadata is compared only with everything selected
};

struct ModelDiff {
    std::vector<KeyDifference> keys;        ///< in the order of `before`, added ones behind
    std::vector<TensorDifference> tensors;  ///< likewise; only those that differ
    std::uint64_t same_keys = 0;
    std::uint64_t same_tensors = 0;
    bool complete = true;  ///< false: asked to stop

    bool same() const { return keys.empty() && tensors.empty(); }
};

/// Bytes are compared by their XXH3-128: each file is read once, at full speed. split.no, split.count,
/// split.tensors.count and those that gguf-shard adds are left out: they say how a model is cut, not what it
/// is. Throws what digest_weights() throws.
GGUFMAP_API ModelDiff diff(const Model& before, const Model& after, const DiffRequest& request,
                           const ReadOptions& options);

/// F32, F16, BF16, Q8_0, Q4_0, Q4_K, Q6_K.
GGUFMAP_API bool can_dequantise(std::uint32_t type);
/// `bytes` are whole blocks of that type, `out` takes exactly their elements.
GGUFMAP_API void dequantise(std::uint32_t type, Bytes bytes, std::span<float> out);

}  // namespace ggufmap
