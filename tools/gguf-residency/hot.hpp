// What of a model stays in memory that is too small for it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ggufmap/layout.hpp"
#include "ggufmap/model.hpp"
#include "ggufmap/pagecache.hpp"

namespace ggufmap::residency {

/// In bytes.
struct HotPart {
    Part part = Part::other;
    std::uint64_t bytes = 0;
    std::uint64_t hot = 0;  ///< of these: stay
    /// Where not all of them do: the layers from 0 to here stay whole.
    std::optional<std::uint32_t> last_whole_layer;
};

/// Parts that the model has, filled in order of worth as gguf-prefault --budget does.
std::vector<HotPart> hot_parts(const PageCache& cache, const Model& model, std::uint64_t budget);

/// "header, norm, attn, ffn of layers 0-13, 12 % of experts"; "" where nothing stays. Less than half a
/// percent of a part is left out.
std::string in_words(const std::vector<HotPart>& parts);

}  // namespace ggufmap::residency
