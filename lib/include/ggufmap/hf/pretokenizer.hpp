// How byte-level BPE vocabularies cut text before they merge: one entry for every tokenizer.ggml.pre that has
// an exact form in Hugging Face's tokenizers.
#pragma once

#include <span>
#include <string_view>

#include "ggufmap/export.hpp"

namespace ggufmap::hf {

struct PreTokenizerStep {
    enum class Kind {
        split,                ///< by `regex`, each match on its own
        digits,               ///< runs of digits
        single_digits,        ///< digits one by one
        punctuation,          ///< runs of punctuation
        byte_level,           ///< bytes to printable characters
        byte_level_regex,     ///< the same after GPT-2's own regex
        byte_level_untrimmed  ///< byte_level with trim_offsets false, as Qwen's files have it
    };
    Kind kind;
    std::string_view regex = {};
};

struct PreTokenizer {
    std::string_view names;  ///< values of tokenizer.ggml.pre, separated by blanks
    std::span<const PreTokenizerStep> steps;
    bool nfc = false;            ///< text is normalized to NFC before
    bool ignore_merges = false;  ///< a word that is a token is not merged together
    bool adds_bos = false;       ///< unless tokenizer.ggml.add_bos_token says otherwise
};

/// Null for a name that is not known.
GGUFMAP_API const PreTokenizer* find_pre_tokenizer(std::string_view name);

/// All entries.
GGUFMAP_API std::span<const PreTokenizer> pre_tokenizers();

}  // namespace ggufmap::hf
