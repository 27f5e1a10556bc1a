#include "ggufmap/hf/vocabulary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ggufmap/error.hpp"
#include "ggufmap/hf/pretokenizer.hpp"
#include "ggufmap/text.hpp"
#include "hf/token_index.hpp"

namespace ggufmap::hf {
namespace {

constexpr std::string_view lower_one_eighth_block = "\u2581";  // sentencepiece's visible blank

std::string key_of(std::string_view name) { return fmt::format("tokenizer.ggml.{}", name); }

std::optional<VocabularyModel> model_named(std::string_view name) {
    if (name == "gpt2") return VocabularyModel::bpe;
    if (name == "llama") return VocabularyModel::spm;
    if (name == "gemma4") return VocabularyModel::gemma4;
    if (name == "bert") return VocabularyModel::wordpiece;
    if (name == "t5") return VocabularyModel::unigram;
    return std::nullopt;
}

// A file without "pre" is read as llama.cpp reads it ("default"), but for GPT-NeoX, whose converter wrote no
// name at the time: its own tokenizer is GPT-2's after NFC.
std::string_view pre_of(const Gguf& head) {
    const auto pre = head.string_of(key_of("pre"));
    if (pre && !pre->empty()) return *pre;
    return head.architecture() == "gptneox" ? "mpt" : "default";
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
    std::string out;
    for (std::size_t at; (at = text.find(from)) != std::string_view::npos;
         text.remove_prefix(at + from.size()))
        out.append(text.substr(0, at)).append(to);
    return out.append(text);
}

// sentencepiece's compiled normalizer: the bytes of a trie of 32-bit units, the trie, and the texts it points
// to.
bool is_charsmap(Bytes map) {
    constexpr std::size_t unit = 4;
    if (map.empty()) return true;
    if (map.size() < unit) return false;
    const std::uint64_t trie = load_le<std::uint32_t>(map.data());
    return trie > 0 && trie % unit == 0 && trie <= map.size() - unit &&
           valid_utf8(as_text(map.subspan(unit + trie)));
}

bool is_blank(std::string_view piece) {
    return !piece.empty() && piece.find_first_not_of(' ') == std::string_view::npos;
}

// "[PAD151669]": rows that converters add so that the vocabulary is as long as the embedding matrix.
bool is_padding_name(std::string_view piece) {
    constexpr std::string_view opening = "[PAD";
    if (!piece.starts_with(opening) || !piece.ends_with(']') || piece.size() == opening.size() + 1)
        return false;
    const std::string_view digits = piece.substr(opening.size(), piece.size() - opening.size() - 1);
    return std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string tokenizer_obstacle(const Gguf& head) {
    for (const char* key : {"model", "pre"}) {
        const KeyValue* entry = head.find(key_of(key));
        if (entry && !entry->value.as_string())
            return fmt::format("the key '{}' must be a string", entry->key);
    }
    const auto name = head.string_of(key_of("model"));
    if (!name) return "the model has no tokenizer";
    const auto model = model_named(*name);
    if (!model)
        return fmt::format("the tokenizer '{}' has no exact form in Hugging Face's tokenizers", *name);
    if (model == VocabularyModel::bpe && !find_pre_tokenizer(pre_of(head)))
        return fmt::format("the pre-tokenizer '{}' is not known", pre_of(head));
    if ((model == VocabularyModel::bpe || model == VocabularyModel::gemma4) && !head.find(key_of("merges")))
        return fmt::format("the tokenizer '{}' needs merges, and the file has none", *name);
    return {};
}

// Reads one vocabulary; lives as long as Vocabulary::read().
class Vocabulary::Reader {
public:
    Reader(const Gguf& head, const std::string& file, Notes& notes)
        : head_(head), file_(file), notes_(notes) {}

    Vocabulary read() {
        out_.file_ = file_;
        out_.model_ = *model_named(*head_.string_of(key_of("model")));
        out_.pre_ = pre_of(head_);
        read_pieces();
        read_kinds_and_scores();
        out_.adds_space_prefix_ = switched("add_space_prefix", out_.model_ == VocabularyModel::spm);
        respell();
        index();
        read_special_tokens();
        read_switches();
        if (const KeyValue* map = head_.find(key_of("precompiled_charsmap"))) {
            const auto array = map->value.as_array();
            if (!array || size_of(array->element_type()) != 1)
                fail("precompiled_charsmap", "must be an array of bytes");
            out_.charsmap_ = array->bytes();
            if (!is_charsmap(out_.charsmap_)) fail("precompiled_charsmap", "is damaged");
        }
        // A sentencepiece vocabulary goes by its scores, whatever else the file has.
        const bool merges = out_.model_ == VocabularyModel::bpe || out_.model_ == VocabularyModel::gemma4;
        if (merges && head_.find(key_of("merges"))) out_.merges_ = array("merges", ValueType::string);
        return std::move(out_);
    }

private:
    [[noreturn]] void fail(std::string_view key, const std::string& reason) const {
        throw Error(ErrorKind::malformed, {file_, fmt::format("key '{}'", key_of(key))}, reason);
    }

    ArrayView array(std::string_view key, ValueType elements) const {
        const KeyValue* entry = head_.find(key_of(key));
        if (!entry) fail(key, "is missing");
        const auto found = entry->value.as_array();
        if (!found || found->element_type() != elements)
            fail(key, fmt::format("must be an array of {}", name_of(elements)));
        return *found;
    }

    void require_as_many_as_tokens(std::string_view key, std::uint64_t count) const {
        if (count != out_.pieces_.size())
            fail(key, fmt::format("has {} elements for {} tokens", count, out_.pieces_.size()));
    }

    void read_pieces() {
        const ArrayView tokens = array("tokens", ValueType::string);
        out_.pieces_.reserve(tokens.size());
        for (const Value token : tokens) out_.pieces_.push_back(*token.as_string());
        if (out_.pieces_.empty()) fail("tokens", "is empty");
    }

    void read_kinds_and_scores() {
        if (head_.find(key_of("token_type"))) {
            const ArrayView kinds = array("token_type", ValueType::int32);
            require_as_many_as_tokens("token_type", kinds.size());
            out_.kinds_.reserve(kinds.size());
            for (const Value kind : kinds) {
                const auto number = kind.as_unsigned().value_or(0);
                if (number < 1 || number > 6) fail("token_type", fmt::format("no token type is {}", number));
                out_.kinds_.push_back(static_cast<std::uint8_t>(number));
            }
        } else {
            notes_.push_back("tokenizer.ggml.token_type is missing: all tokens are taken for normal ones");
        }
        const bool scores_count =
            out_.model_ == VocabularyModel::spm || out_.model_ == VocabularyModel::unigram;
        if (!scores_count) return;
        const ArrayView scores = array("scores", ValueType::float32);
        require_as_many_as_tokens("scores", scores.size());
        out_.scores_.reserve(scores.size());
        for (const Value score : scores) {
            const auto number = load_le<float>(score.bytes().data());
            // sentencepiece's own file can say "infinite", JSON cannot.
            if (std::isnan(number) || (std::isinf(number) && out_.model_ == VocabularyModel::unigram))
                fail("scores", fmt::format("that of token {} is {}", out_.scores_.size(), number));
            out_.scores_.push_back(number);
        }
    }

    void respell() {
        std::uint32_t broken = 0;
        for (std::uint32_t id = 0; id < out_.size(); ++id) {
            std::string_view& piece = out_.pieces_[id];
            if (!valid_utf8(piece)) {
                ++broken;
                piece = own(as_utf8(piece));
            }
            if (const auto spelled = spelling(id, piece)) piece = own(*spelled);
        }
        if (broken != 0)
            notes_.push_back(
                fmt::format("tokens that are not UTF-8: {}; U+FFFD stands for their bad bytes", broken));
    }

    std::string_view own(std::string text) { return out_.respelled_.emplace_back(std::move(text)); }

    // How Hugging Face spells a piece, where the converter changed it.
    std::optional<std::string> spelling(std::uint32_t id, std::string_view piece) const {
        switch (out_.model_) {
            case VocabularyModel::spm:
            case VocabularyModel::gemma4:
                // User-defined pieces are stored with real blanks, and llama.cpp finds them in the text
                // before blanks become visible: so does tokenizers where they are spelled so. Runs of blanks
                // in vocabularies without a prefix are merged alike from visible ones, as Gemma's file does.
                if (out_.kind(id) != TokenKind::user_defined || out_.adds_space_prefix_ || !is_blank(piece))
                    return std::nullopt;
                return replaced(piece, " ", lower_one_eighth_block);
            case VocabularyModel::wordpiece:
                // The converter marks the start of a word, WordPiece its continuation.
                if (piece.starts_with(lower_one_eighth_block))
                    return std::string(piece.substr(lower_one_eighth_block.size()));
                if (piece.starts_with('[') && piece.ends_with(']')) return std::nullopt;
                if (out_.kind(id) == TokenKind::control) return std::nullopt;
                return "##" + std::string(piece);
            case VocabularyModel::bpe:
            case VocabularyModel::unigram:
                break;
        }
        return std::nullopt;
    }

    void index() {
        out_.index_ = std::make_unique<TokenIndex>(out_.pieces_, out_.pieces_.size());
        out_.listed_.resize(out_.pieces_.size());
        for (std::uint32_t id = 0; id < out_.size(); ++id) {
            const TokenKind kind = out_.kind(id);
            const bool spare = kind == TokenKind::unknown || kind == TokenKind::unused;
            if (spare && out_.model_ != VocabularyModel::unigram && is_padding_name(out_.piece(id))) continue;
            out_.listed_[id] = out_.index_->insert(id);
            if (!out_.listed_[id]) ++out_.duplicates_;
        }
        if (out_.duplicates_ != 0)
            notes_.push_back(fmt::format("tokens spelled like an earlier one: {}; text never gives their ids",
                                         out_.duplicates_));
    }

    // The id under `key`; where the key is absent `fallback`, if the vocabulary reaches that far.
    std::optional<std::uint32_t> id_of(std::string_view key, std::optional<std::uint32_t> fallback = {}) {
        const KeyValue* entry = head_.find(key_of(key));
        if (!entry) return fallback && *fallback < out_.size() ? fallback : std::nullopt;
        const auto id = entry->value.as_signed();
        if (id && *id >= 0 && *id < std::int64_t{out_.size()}) return static_cast<std::uint32_t>(*id);
        if (!id || *id != -1)  // -1 is how some converters say "none"
            notes_.push_back(fmt::format("{} is no token id and is left out", key_of(key)));
        return std::nullopt;
    }

    // Defaults are llama.cpp's.
    void read_special_tokens() {
        SpecialTokens& special = out_.special_;
        const bool spm = out_.model_ == VocabularyModel::spm;
        const bool bert = out_.model_ == VocabularyModel::wordpiece;
        const bool t5 = out_.model_ == VocabularyModel::unigram;
        using Id = std::optional<std::uint32_t>;
        special.bos = id_of("bos_token_id", spm ? Id(1) : Id());
        special.eos = id_of("eos_token_id", spm ? Id(2) : t5 ? Id(1) : Id());
        special.unk = id_of("unknown_token_id", spm ? Id(0) : bert ? Id(100) : t5 ? Id(2) : Id());
        special.pad = id_of("padding_token_id", bert ? Id(0) : Id());
        special.cls = id_of("cls_token_id", bert ? Id(101) : Id());
        special.mask = id_of("mask_token_id", bert ? Id(103) : Id());
        // The format's own spelling of the key; newer files have the right one, too.
        special.sep = id_of("seperator_token_id");
        if (!special.sep) special.sep = id_of("separator_token_id", bert ? Id(102) : Id());
        special.eot = id_of("eot_token_id");
        special.eom = id_of("eom_token_id");
        if (bert && (!special.cls || !special.sep || !special.unk))
            fail("tokens", "a bert vocabulary needs its [CLS], [SEP] and [UNK]");
    }

    bool switched(std::string_view key, bool fallback) const {
        const KeyValue* entry = head_.find(key_of(key));
        if (!entry) return fallback;
        const auto number = entry->value.as_unsigned();
        if (!number) fail(key, "must be a bool");
        return *number != 0;
    }

    void read_switches() {
        const VocabularyModel model = out_.model_;
        const bool sentencepiece = model == VocabularyModel::spm || model == VocabularyModel::gemma4;
        const PreTokenizer* pre = find_pre_tokenizer(out_.pre_);
        const bool bos_by_pre = model == VocabularyModel::bpe && pre && pre->adds_bos;
        out_.adds_bos_ = switched("add_bos_token", sentencepiece || bos_by_pre) && out_.special_.bos;
        out_.adds_eos_ = switched("add_eos_token", model == VocabularyModel::unigram) && out_.special_.eos;
        out_.removes_extra_whitespaces_ = switched("remove_extra_whitespaces", false);
        out_.lowercases_ = switched("normalizer.lowercase", true);
        if (head_.find(key_of("normalizer.strip_accents")))
            out_.strips_accents_ = switched("normalizer.strip_accents", false);
        std::string name(head_.string_of("general.name").value_or(""));
        std::transform(name.begin(), name.end(), name.begin(),
                       [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
        out_.strips_after_added_ = name.find("phi-3") != std::string::npos ||
                                   name.find("phi3") != std::string::npos ||
                                   (head_.architecture() == "phi3" && model == VocabularyModel::spm);
    }

    const Gguf& head_;
    const std::string& file_;
    Notes& notes_;
    Vocabulary out_;
};

Vocabulary::Vocabulary() = default;
Vocabulary::Vocabulary(Vocabulary&&) noexcept = default;
Vocabulary& Vocabulary::operator=(Vocabulary&&) noexcept = default;
Vocabulary::~Vocabulary() = default;

Vocabulary Vocabulary::read(const Gguf& head, const std::string& file, Notes& notes) {
    return Reader(head, file, notes).read();
}

TokenKind Vocabulary::kind(std::uint32_t id) const {
    return kinds_.empty() ? TokenKind::normal : static_cast<TokenKind>(kinds_[id]);
}

bool Vocabulary::listed(std::uint32_t id) const { return listed_[id]; }

std::optional<std::uint32_t> Vocabulary::find(std::string_view piece) const { return index_->find(piece); }

bool Vocabulary::has_kind(TokenKind kind) const {
    return std::find(kinds_.begin(), kinds_.end(), static_cast<std::uint8_t>(kind)) != kinds_.end();
}

}  // namespace ggufmap::hf
