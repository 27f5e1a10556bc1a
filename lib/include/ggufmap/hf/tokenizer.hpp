// tokenizer.json and the small files around it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ggufmap/export.hpp"
#include "ggufmap/gguf.hpp"
#include "ggufmap/hf/node.hpp"
#include "ggufmap/hf/vocabulary.hpp"
#include "ggufmap/json.hpp"

namespace ggufmap::hf {

/// A token that is found in text before anything else happens to it.
struct AddedToken {
    std::uint32_t id;
    bool special;  ///< left out when text is decoded
    bool lstrip;   ///< eats the white space before it
    bool rstrip;   ///< eats the white space behind it
};

/// By rising id.
GGUFMAP_API std::vector<AddedToken> added_tokens(const Vocabulary& vocabulary);

/// Writes a document that tokenizers 0.13 to 0.23, its JavaScript twin and transformers.js load, and that
/// gives the ids llama.cpp gives. Memory: constant beside the vocabulary's index. Tells of merges that had to
/// be left out.
GGUFMAP_API void write_tokenizer_json(const Vocabulary& vocabulary, JsonWriter& json, Notes& notes);

/// A chat template of the model.
struct ChatTemplate {
    std::string name;  ///< "default", or the NAME of tokenizer.chat_template.NAME
    std::string text;
};

/// The default one first.
GGUFMAP_API std::vector<ChatTemplate> chat_templates(const Gguf& head);

GGUFMAP_API Object tokenizer_config(const Vocabulary& vocabulary, const Gguf& head);
GGUFMAP_API Object special_tokens_map(const Vocabulary& vocabulary);
/// `vocabulary` is null where the tokenizer has no exact form: only what the metadata says is in it then.
GGUFMAP_API Object generation_config(const Vocabulary* vocabulary, const Gguf& head);

/// Spellings of the tokens that end a turn or a text.
GGUFMAP_API std::vector<std::uint32_t> end_tokens(const Vocabulary& vocabulary);

}  // namespace ggufmap::hf
