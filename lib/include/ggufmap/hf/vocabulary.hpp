// The vocabulary inside a GGUF, spelled and numbered as Hugging Face files have it.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ggufmap/export.hpp"
#include "ggufmap/gguf.hpp"

namespace ggufmap::hf {

/// What the user should know although it is no error; one line each, names not yet escaped.
using Notes = std::vector<std::string>;

/// tokenizer.ggml.token_type
enum class TokenKind : std::uint8_t { normal = 1, unknown, control, user_defined, unused, byte };

/// tokenizer.ggml.model, as far as an exact tokenizer.json exists for it.
enum class VocabularyModel {
    bpe,        ///< "gpt2": byte-level BPE
    spm,        ///< "llama": sentencepiece BPE
    gemma4,     ///< sentencepiece spelling, merges in the file
    wordpiece,  ///< "bert"
    unigram     ///< "t5"
};

struct SpecialTokens {
    std::optional<std::uint32_t> bos, eos, unk, sep, pad, cls, mask, eot, eom;
};

/// Why no exact tokenizer.json can be written for this model (no vocabulary, rwkv, an unknown
/// pre-tokenizer ...); empty where one can.
GGUFMAP_API std::string tokenizer_obstacle(const Gguf& head);

class TokenIndex;

/// Views into the Gguf it was read from, which must outlive it. Move-only.
class GGUFMAP_API Vocabulary {
public:
    /// Only where tokenizer_obstacle() is empty. Throws Error (malformed) where tokens, scores, types or
    /// merges are missing, of the wrong kind or of different lengths. Special ids beyond the vocabulary,
    /// duplicates and tokens that are not UTF-8 are told in `notes`. `file` is for messages.
    static Vocabulary read(const Gguf& head, const std::string& file, Notes& notes);
    Vocabulary(Vocabulary&&) noexcept;
    Vocabulary& operator=(Vocabulary&&) noexcept;
    ~Vocabulary();

    /// For messages.
    const std::string& file() const { return file_; }
    VocabularyModel model() const { return model_; }
    /// tokenizer.ggml.pre, with the name that stands for an absent one.
    std::string_view pre() const { return pre_; }
    std::uint32_t size() const { return static_cast<std::uint32_t>(pieces_.size()); }
    /// As Hugging Face spells it; valid UTF-8.
    std::string_view piece(std::uint32_t id) const { return pieces_[id]; }
    TokenKind kind(std::uint32_t id) const;
    /// 0 where the model has none.
    float score(std::uint32_t id) const { return scores_.empty() ? 0 : scores_[id]; }
    /// True for a row that Hugging Face's file has, too: neither converter padding nor a spelling that a
    /// lower id bears already.
    bool listed(std::uint32_t id) const;
    /// The listed token so spelled.
    std::optional<std::uint32_t> find(std::string_view piece) const;
    bool has_kind(TokenKind kind) const;
    /// Tokens that a lower id spells already.
    std::uint32_t duplicates() const { return duplicates_; }

    const SpecialTokens& special() const { return special_; }
    bool adds_bos() const { return adds_bos_; }
    bool adds_eos() const { return adds_eos_; }
    bool adds_space_prefix() const { return adds_space_prefix_; }
    bool removes_extra_whitespaces() const { return removes_extra_whitespaces_; }
    bool lowercases() const { return lowercases_; }
    /// Where the metadata does not say: as lowercases().
    std::optional<bool> strips_accents() const { return strips_accents_; }
    /// Phi-3 eats the white space behind its added tokens (llama.cpp: by the model's name).
    bool strips_after_added() const { return strips_after_added_; }
    /// tokenizer.ggml.precompiled_charsmap; empty where there is none.
    Bytes charsmap() const { return charsmap_; }
    /// tokenizer.ggml.merges; of vocabularies that go by scores, none.
    const std::optional<ArrayView>& merges() const { return merges_; }

private:
    class Reader;
    Vocabulary();

    std::string file_;
    VocabularyModel model_{};
    std::string_view pre_;
    std::vector<std::string_view> pieces_;
    std::deque<std::string> respelled_;  // owns the pieces that the file spells otherwise
    std::vector<float> scores_;
    std::vector<std::uint8_t> kinds_;  // empty: all normal
    std::vector<bool> listed_;
    std::unique_ptr<TokenIndex> index_;
    std::uint32_t duplicates_ = 0;
    SpecialTokens special_;
    bool adds_bos_ = false;
    bool adds_eos_ = false;
    bool adds_space_prefix_ = true;
    bool removes_extra_whitespaces_ = true;
    bool lowercases_ = true;
    std::optional<bool> strips_accents_;
    bool strips_after_added_ = false;
    Bytes charsmap_;
    std::optional<ArrayView> merges_;
};

}  // namespace ggufmap::hf
