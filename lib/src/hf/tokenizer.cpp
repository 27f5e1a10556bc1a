// The parts of tokenizer.json. What each part must be for which vocabulary was found by comparing ids with
// llama.cpp's on some 2,400 texts each; where a shape looks odd, that is why.
#include "ggufmap/hf/tokenizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "ggufmap/hf/merges.hpp"
#include "ggufmap/hf/pretokenizer.hpp"
#include "hf/base64.hpp"

namespace ggufmap::hf {
namespace {

using Layout = JsonWriter::Layout;
using Model = VocabularyModel;

constexpr const char* blank_mark = "\u2581";

Object replace_text(const char* from, const char* to) {
    return {{"type", "Replace"}, {"pattern", Object{{"String", from}}}, {"content", to}};
}

Object replace_matches(const char* regex, const char* to) {
    return {{"type", "Replace"}, {"pattern", Object{{"Regex", regex}}}, {"content", to}};
}

Object byte_level(bool add_prefix_space, bool trim_offsets, bool use_regex) {
    return {{"type", "ByteLevel"},
            {"add_prefix_space", add_prefix_space},
            {"trim_offsets", trim_offsets},
            {"use_regex", use_regex}};
}

Object metaspace(bool prefix) {
    // add_prefix_space is for tokenizers 0.13, prepend_scheme for its successors.
    return {{"type", "Metaspace"},
            {"replacement", blank_mark},
            {"add_prefix_space", prefix},
            {"prepend_scheme", prefix ? "always" : "never"},
            {"split", true}};
}

/// One part stands alone, several are a Sequence.
Node sequence_of(const char* member, Array parts) {
    if (parts.empty()) return nullptr;
    if (parts.size() == 1) return std::move(parts.front());
    return Object{{"type", "Sequence"}, {member, std::move(parts)}};
}

Node normalizer(const Vocabulary& vocabulary) {
    const bool prefix = vocabulary.adds_space_prefix();
    const auto strips = vocabulary.strips_accents();
    const Object visible_blanks = replace_text(" ", blank_mark);
    Array parts;
    switch (vocabulary.model()) {
        case Model::bpe:
            if (find_pre_tokenizer(vocabulary.pre())->nfc) parts.push_back(Object{{"type", "NFC"}});
            break;
        case Model::spm:
        case Model::gemma4:
            if (prefix) parts.push_back(Object{{"type", "Prepend"}, {"prepend", blank_mark}});
            parts.push_back(visible_blanks);
            break;
        case Model::wordpiece:
            return Object{{"type", "BertNormalizer"},
                          {"clean_text", true},
                          {"handle_chinese_chars", true},
                          {"strip_accents", strips ? Node(*strips) : Node()},
                          {"lowercase", vocabulary.lowercases()}};
        case Model::unigram:
            if (!vocabulary.charsmap().empty())
                parts.push_back(
                    Object{{"type", "Precompiled"}, {"precompiled_charsmap", base64(vocabulary.charsmap())}});
            if (vocabulary.removes_extra_whitespaces()) {
                // Not Strip, which takes line breaks, too; not ^ and $, which are those of lines in
                // Oniguruma.
                parts.push_back(replace_matches("(?<![\\s\\S]) +| +(?![\\s\\S])", ""));
                parts.push_back(replace_matches(" {2,}", blank_mark));
            } else {
                // Not Metaspace: it does not prepend before a blank that is there, and splits runs of them.
                if (prefix) parts.push_back(Object{{"type", "Prepend"}, {"prepend", blank_mark}});
                parts.push_back(visible_blanks);
            }
            return parts.empty() ? Node() : Object{{"type", "Sequence"}, {"normalizers", std::move(parts)}};
    }
    return sequence_of("normalizers", std::move(parts));
}

Object split(Object pattern, const char* behavior) {
    return {{"type", "Split"}, {"pattern", std::move(pattern)}, {"behavior", behavior}, {"invert", false}};
}

Node pre_tokenizer_step(const PreTokenizerStep& step) {
    using Kind = PreTokenizerStep::Kind;
    switch (step.kind) {
        case Kind::split:
            return split({{"Regex", step.regex}}, "Isolated");
        case Kind::digits:
            return Object{{"type", "Digits"}, {"individual_digits", false}};
        case Kind::single_digits:
            return Object{{"type", "Digits"}, {"individual_digits", true}};
        case Kind::punctuation:
            return Object{{"type", "Punctuation"}, {"behavior", "Contiguous"}};
        case Kind::byte_level:
            return byte_level(false, true, false);
        case Kind::byte_level_regex:
            return byte_level(false, true, true);
        case Kind::byte_level_untrimmed:
            return byte_level(false, false, false);
    }
    return nullptr;
}

Node pre_tokenizer(const Vocabulary& vocabulary) {
    switch (vocabulary.model()) {
        case Model::bpe: {
            Array steps;
            for (const PreTokenizerStep& step : find_pre_tokenizer(vocabulary.pre())->steps)
                steps.push_back(pre_tokenizer_step(step));
            return sequence_of("pretokenizers", std::move(steps));
        }
        case Model::gemma4:
            return split({{"String", " "}}, "MergedWithPrevious");
        case Model::wordpiece:
            return Object{{"type", "BertPreTokenizer"}};
        case Model::unigram:
            // llama.cpp puts a blank before each word then, the first one, too.
            if (vocabulary.removes_extra_whitespaces()) return metaspace(true);
            break;
        case Model::spm:
            break;
    }
    return nullptr;
}

Node decoder(const Vocabulary& vocabulary) {
    switch (vocabulary.model()) {
        case Model::bpe:
            return byte_level(true, true, true);
        case Model::spm:
        case Model::gemma4: {
            Array parts = {replace_text(blank_mark, " "), Object{{"type", "ByteFallback"}},
                           Object{{"type", "Fuse"}}};
            if (vocabulary.adds_space_prefix())
                parts.push_back(Object{{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
            return sequence_of("decoders", std::move(parts));
        }
        case Model::wordpiece:
            return Object{{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}};
        case Model::unigram:
            return metaspace(vocabulary.adds_space_prefix() || vocabulary.removes_extra_whitespaces());
    }
    return nullptr;
}

/// "[CLS] A [SEP]" and "[CLS] A [SEP] B [SEP]", for which llama.cpp asks no key, or bos and eos around each
/// text.
class Template {
public:
    explicit Template(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

    Node build() {
        const SpecialTokens& special = vocabulary_.special();
        const bool bert = vocabulary_.model() == Model::wordpiece;
        using Id = std::optional<std::uint32_t>;
        // Branches, not ?: on optionals, which g++ 12 calls uninitialized at -O3.
        Id before;
        Id after;
        if (bert || vocabulary_.adds_bos()) before = bert ? special.cls : special.bos;
        if (bert || vocabulary_.adds_eos()) after = bert ? special.sep : special.eos;
        if (!before && !after) return nullptr;
        const Array single = text("A", 0, before, after);
        Array pair = single;
        for (const Node& part : text("B", 1, bert ? Id() : before, after)) pair.push_back(part);
        return Object{{"type", "TemplateProcessing"},
                      {"single", single},
                      {"pair", std::move(pair)},
                      {"special_tokens", std::move(special_tokens_)}};
    }

private:
    Array text(const char* name, int type, std::optional<std::uint32_t> before,
               std::optional<std::uint32_t> after) {
        Array parts;
        if (before) parts.push_back(token(*before, type));
        parts.push_back(Object{{"Sequence", Object{{"id", name}, {"type_id", type}}}});
        if (after) parts.push_back(token(*after, type));
        return parts;
    }

    Node token(std::uint32_t id, int type) {
        const std::string_view piece = vocabulary_.piece(id);
        set(special_tokens_, piece, Object{{"id", piece}, {"ids", Array{id}}, {"tokens", Array{piece}}});
        return Object{{"SpecialToken", Object{{"id", piece}, {"type_id", type}}}};
    }

    const Vocabulary& vocabulary_;
    Object special_tokens_;
};

Node post_processor(const Vocabulary& vocabulary) {
    Array parts;
    if (vocabulary.model() == Model::bpe) parts.push_back(byte_level(true, false, true));
    if (Node around = Template(vocabulary).build(); around != Node()) parts.push_back(std::move(around));
    return sequence_of("processors", std::move(parts));
}

void write_added_tokens(const Vocabulary& vocabulary, JsonWriter& json) {
    json.begin_array();
    for (const AddedToken& token : added_tokens(vocabulary)) {
        write(json,
              Object{{"id", token.id},
                     {"content", vocabulary.piece(token.id)},
                     {"single_word", false},
                     {"lstrip", token.lstrip},
                     {"rstrip", token.rstrip},
                     {"normalized", false},
                     {"special", token.special}},
              Layout::compact);
    }
    json.end_array();
}

void write_vocabulary(const Vocabulary& vocabulary, JsonWriter& json) {
    json.key("vocab");
    json.begin_object();
    for (std::uint32_t id = 0; id < vocabulary.size(); ++id) {
        if (!vocabulary.listed(id)) continue;
        json.key(vocabulary.piece(id));
        json.number(id);
    }
    json.end_object();
}

bool some_merge_has_a_blank(const Vocabulary& vocabulary) {
    bool blank = false;
    const auto look = [&](std::string_view left, std::string_view right) {
        blank =
            blank || left.find(' ') != std::string_view::npos || right.find(' ') != std::string_view::npos;
    };
    bool possible = false;
    for (std::uint32_t id = 0; id < vocabulary.size() && !possible; ++id)
        possible = vocabulary.piece(id).find(' ') != std::string_view::npos;
    if (possible) for_each_merge(vocabulary, look);
    return blank;
}

// "a b", which every version reads; ["a","b"], which 0.13 refuses, only where a blank would be ambiguous.
void write_merges(const Vocabulary& vocabulary, JsonWriter& json, Notes& notes) {
    const bool pairs = some_merge_has_a_blank(vocabulary);
    std::string joined;
    json.key("merges");
    json.begin_array();
    const std::uint64_t dropped =
        for_each_merge(vocabulary, [&](std::string_view left, std::string_view right) {
            if (pairs) {
                json.begin_array();
                json.string(left);
                json.string(right);
                json.end_array();
            } else {
                json.string(joined.assign(left).append(" ").append(right));
            }
        });
    json.end_array();
    if (dropped != 0)
        notes.push_back(
            fmt::format("merges of tokens that are not in the vocabulary: {}, left out", dropped));
}

void write_members(const Object& members, JsonWriter& json) {
    for (const auto& [key, value] : members) {
        json.key(key);
        write(json, value, Layout::compact);
    }
}

void write_bpe(const Vocabulary& vocabulary, JsonWriter& json, Notes& notes) {
    const bool bytes = vocabulary.model() == Model::bpe;
    const auto unk = vocabulary.special().unk;
    write_members({{"type", "BPE"},
                   {"dropout", nullptr},
                   {"unk_token", !bytes && unk ? Node(vocabulary.piece(*unk)) : Node()},
                   {"continuing_subword_prefix", nullptr},
                   {"end_of_word_suffix", nullptr},
                   {"fuse_unk", !bytes},
                   {"byte_fallback", !bytes && vocabulary.has_kind(TokenKind::byte)},
                   {"ignore_merges", bytes && find_pre_tokenizer(vocabulary.pre())->ignore_merges}},
                  json);
    write_vocabulary(vocabulary, json);
    write_merges(vocabulary, json, notes);
}

void write_wordpiece(const Vocabulary& vocabulary, JsonWriter& json) {
    write_members({{"type", "WordPiece"},
                   {"unk_token", vocabulary.piece(*vocabulary.special().unk)},
                   {"continuing_subword_prefix", "##"},
                   {"max_input_chars_per_word", 100}},
                  json);
    write_vocabulary(vocabulary, json);
}

void write_unigram(const Vocabulary& vocabulary, JsonWriter& json) {
    const auto unk = vocabulary.special().unk;
    write_members({{"type", "Unigram"}, {"unk_id", unk ? Node(*unk) : Node()}}, json);
    json.key("vocab");
    json.begin_array();
    for (std::uint32_t id = 0; id < vocabulary.size(); ++id) {
        json.begin_array();
        json.string(vocabulary.piece(id));
        json.real(vocabulary.kind(id) == TokenKind::user_defined ? 0.0F : vocabulary.score(id));
        json.end_array();
    }
    json.end_array();
    write_members({{"byte_fallback", vocabulary.has_kind(TokenKind::byte)}}, json);
}

void write_model(const Vocabulary& vocabulary, JsonWriter& json, Notes& notes) {
    json.begin_object();
    if (vocabulary.model() == Model::wordpiece) {
        write_wordpiece(vocabulary, json);
    } else if (vocabulary.model() == Model::unigram) {
        write_unigram(vocabulary, json);
    } else {
        write_bpe(vocabulary, json, notes);
    }
    json.end_object();
}

}  // namespace

std::vector<AddedToken> added_tokens(const Vocabulary& vocabulary) {
    const SpecialTokens& special = vocabulary.special();
    const std::string_view pre = vocabulary.pre();
    const bool named = vocabulary.model() != Model::bpe;  // named ids count even where their kind is normal
    std::vector<AddedToken> tokens;
    for (std::uint32_t id = 0; id < vocabulary.size(); ++id) {
        const std::string_view piece = vocabulary.piece(id);
        if (!vocabulary.listed(id) || piece.empty()) continue;
        const TokenKind kind = vocabulary.kind(id);
        const auto is = [&](std::optional<std::uint32_t> other) { return other == id; };
        const bool is_special =
            kind == TokenKind::control || (kind == TokenKind::unknown && is(special.unk)) ||
            (named && (is(special.bos) || is(special.eos) || is(special.unk) || is(special.sep) ||
                       is(special.pad) || is(special.cls) || is(special.mask)));
        if (!is_special && kind != TokenKind::user_defined) continue;
        const bool mask =
            (piece == "<mask>" && (pre == "jina-v2-de" || pre == "jina-v2-es" || pre == "jina-v2-code")) ||
            (piece == "[MASK]" && pre == "modern-bert");
        const bool strips =
            vocabulary.strips_after_added() && piece != "<unk>" && piece != "<s>" && piece != "<|endoftext|>";
        tokens.push_back({id, kind != TokenKind::user_defined, mask, strips});
    }
    return tokens;
}

void write_tokenizer_json(const Vocabulary& vocabulary, JsonWriter& json, Notes& notes) {
    json.begin_object(Layout::compact);
    write_members({{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}}, json);
    json.key("added_tokens");
    write_added_tokens(vocabulary, json);
    write_members({{"normalizer", normalizer(vocabulary)},
                   {"pre_tokenizer", pre_tokenizer(vocabulary)},
                   {"post_processor", post_processor(vocabulary)},
                   {"decoder", decoder(vocabulary)}},
                  json);
    json.key("model");
    write_model(vocabulary, json, notes);
    json.end_object();
    json.finish();
}

}  // namespace ggufmap::hf
