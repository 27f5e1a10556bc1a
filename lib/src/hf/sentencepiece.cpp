#include "ggufmap/hf/sentencepiece.hpp"

#include <fmt/format.h>

#include <cstring>

namespace ggufmap::hf {
namespace {

/// A protobuf message, as far as this one needs it.
class Message {
public:
    void integer(unsigned field, std::uint64_t value) {
        varint(field << 3);
        varint(value);
    }
    /// -1 where there is none: int32 fields are sign-extended to ten bytes.
    void id(unsigned field, std::optional<std::uint32_t> value) {
        integer(field, value ? std::uint64_t{*value} : ~std::uint64_t{0});
    }
    void real(unsigned field, float value) {
        varint(field << 3 | 5);
        char raw[sizeof value];
        std::memcpy(raw, &value, sizeof value);
        bytes_.append(raw, sizeof raw);
    }
    void text(unsigned field, std::string_view value) {
        varint(field << 3 | 2);
        varint(value.size());
        bytes_ += value;
    }
    void message(unsigned field, const Message& value) { text(field, value.bytes_); }
    void clear() { bytes_.clear(); }
    std::string take() { return std::move(bytes_); }

private:
    void varint(std::uint64_t value) {
        for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>((value & 0x7F) | 0x80);
        bytes_ += static_cast<char>(value);
    }
    std::string bytes_;
};

/// Field numbers of sentencepiece_model.proto.
namespace field {
enum Model : unsigned { pieces = 1, trainer_spec = 2, normalizer_spec = 3 };
enum Piece : unsigned { piece = 1, score = 2, type = 3 };
enum Trainer : unsigned {
    model_type = 3,
    vocab_size = 4,
    byte_fallback = 35,
    unk_id = 40,
    bos_id = 41,
    eos_id = 42,
    pad_id = 43,
    unk_piece = 45,
    bos_piece = 46,
    eos_piece = 47
};
enum Normalizer : unsigned {
    name = 1,
    charsmap = 2,
    add_dummy_prefix = 3,
    remove_extra_whitespaces = 4,
    escape_whitespaces = 5
};
}  // namespace field

constexpr std::uint64_t unigram_type = 1;
constexpr std::uint64_t bpe_type = 2;

bool has_all_bytes(const Vocabulary& vocabulary) {
    std::uint32_t count = 0;
    for (std::uint32_t id = 0; id < vocabulary.size(); ++id) count += vocabulary.kind(id) == TokenKind::byte;
    return count == 256;
}

/// The proto numbers the kinds as GGUF does. There must be exactly one unknown piece, and byte pieces only
/// where all 256 are there.
TokenKind kind_in_file(const Vocabulary& vocabulary, std::uint32_t id, bool all_bytes) {
    const TokenKind kind = vocabulary.kind(id);
    if (id == vocabulary.special().unk) return TokenKind::unknown;
    if (kind == TokenKind::unknown) return TokenKind::control;
    if (kind == TokenKind::byte && !all_bytes) return TokenKind::unused;
    return kind;
}

/// The piece as sentencepiece meets it: user-defined ones, too, in text whose blanks are visible already.
std::string spelling(const Vocabulary& vocabulary, std::uint32_t id) {
    const std::string_view piece = vocabulary.piece(id);
    if (vocabulary.model() != VocabularyModel::spm || vocabulary.kind(id) != TokenKind::user_defined)
        return std::string(piece);
    std::string spelled;
    for (const char c : piece) {
        if (c == ' ') {
            spelled += "\u2581";
        } else {
            spelled += c;
        }
    }
    return spelled;
}

/// Tokens that only their blanks tell from another one.
std::uint32_t spelled_alike(const Vocabulary& vocabulary) {
    std::uint32_t count = 0;
    for (std::uint32_t id = 0; id < vocabulary.size(); ++id) {
        const std::string piece = spelling(vocabulary, id);
        count += piece != vocabulary.piece(id) && vocabulary.find(piece);
    }
    return count;
}

Message trainer_spec(const Vocabulary& vocabulary, bool all_bytes) {
    const SpecialTokens& special = vocabulary.special();
    Message spec;
    spec.integer(field::model_type, vocabulary.model() == VocabularyModel::unigram ? unigram_type : bpe_type);
    spec.integer(field::vocab_size, vocabulary.size());
    if (all_bytes) spec.integer(field::byte_fallback, 1);
    spec.id(field::unk_id, special.unk);
    spec.id(field::bos_id, special.bos);
    spec.id(field::eos_id, special.eos);
    spec.id(field::pad_id, special.pad);
    if (special.unk) spec.text(field::unk_piece, vocabulary.piece(*special.unk));
    if (special.bos) spec.text(field::bos_piece, vocabulary.piece(*special.bos));
    if (special.eos) spec.text(field::eos_piece, vocabulary.piece(*special.eos));
    return spec;
}

Message normalizer_spec(const Vocabulary& vocabulary) {
    Message spec;
    const Bytes charsmap = vocabulary.charsmap();
    spec.text(field::name, charsmap.empty() ? "identity" : "nmt_nfkc");
    if (!charsmap.empty()) spec.text(field::charsmap, as_text(charsmap));
    spec.integer(field::add_dummy_prefix, vocabulary.adds_space_prefix());
    spec.integer(field::remove_extra_whitespaces, vocabulary.removes_extra_whitespaces());
    spec.integer(field::escape_whitespaces, 1);
    return spec;
}

}  // namespace

std::string sentencepiece_obstacle(const Vocabulary& vocabulary) {
    if (vocabulary.model() != VocabularyModel::spm && vocabulary.model() != VocabularyModel::unigram)
        return "not a sentencepiece vocabulary";
    if (!vocabulary.special().unk) return "there is no unknown token";
    if (const std::uint32_t alike = vocabulary.duplicates() + spelled_alike(vocabulary); alike != 0)
        return fmt::format("tokens spelled like an earlier one: {}", alike);
    if (vocabulary.find("")) return "a token is empty";
    return {};
}

std::string sentencepiece_model(const Vocabulary& vocabulary) {
    const bool all_bytes = has_all_bytes(vocabulary);
    Message model;
    Message piece;
    for (std::uint32_t id = 0; id < vocabulary.size(); ++id) {
        piece.clear();
        piece.text(field::piece, spelling(vocabulary, id));
        piece.real(field::score, vocabulary.score(id));
        const TokenKind kind = kind_in_file(vocabulary, id, all_bytes);
        if (kind != TokenKind::normal) piece.integer(field::type, static_cast<std::uint64_t>(kind));
        model.message(field::pieces, piece);
    }
    model.message(field::trainer_spec, trainer_spec(vocabulary, all_bytes));
    model.message(field::normalizer_spec, normalizer_spec(vocabulary));
    return model.take();
}

}  // namespace ggufmap::hf
