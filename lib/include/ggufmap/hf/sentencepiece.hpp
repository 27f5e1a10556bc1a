// tokenizer.model: sentencepiece's own file (a ModelProto of its sentencepiece_model.proto). Without it
// Ollama reads a sentencepiece vocabulary as byte-level BPE.
#pragma once

#include <string>

#include "ggufmap/export.hpp"
#include "ggufmap/hf/vocabulary.hpp"

namespace ggufmap::hf {

/// Why sentencepiece would refuse this vocabulary (duplicate or empty pieces, no unknown token, not a
/// sentencepiece vocabulary at all); empty where it would not.
GGUFMAP_API std::string sentencepiece_obstacle(const Vocabulary& vocabulary);

/// The file's bytes; only where there is no obstacle.
GGUFMAP_API std::string sentencepiece_model(const Vocabulary& vocabulary);

}  // namespace ggufmap::hf
