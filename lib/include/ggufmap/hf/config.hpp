// config.json: a model's metadata in transformers' words.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ggufmap/export.hpp"
#include "ggufmap/hf/node.hpp"
#include "ggufmap/hf/vocabulary.hpp"
#include "ggufmap/model.hpp"

namespace ggufmap::hf {

/// "torch_dtype": what a loader turns the weights into.
enum class Precision {
    by_weights,  ///< the type that most bytes have; of quantized models bfloat16 if anything is BF16, else
                 ///< float16
    fp16,
    bf16,
    fp32
};

/// True where the model's architecture has a mapping.
GGUFMAP_API bool has_mapping(const Model& model);

/// Why there can be no config.json: an architecture without a mapping, or a model that does not say how large
/// it is, for which loaders would take another model's defaults. Empty where there can.
GGUFMAP_API std::string config_obstacle(const Model& model);

/// The members in the order in which they are to be written; nothing where config_obstacle() says why. Reads
/// the model's rope factors. Throws Error (malformed) for metadata of the wrong kind. Notes tell what only
/// approximates the file.
GGUFMAP_API std::optional<Object> model_config(const Model& model, Precision precision, Notes& notes);

}  // namespace ggufmap::hf
