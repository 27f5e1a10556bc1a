// The small files beside tokenizer.json.
#include <algorithm>
#include <cmath>

#include "ggufmap/hf/tokenizer.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::hf {
namespace {

// Tokens that end a turn or a text where no key says so, whatever their type: llama.cpp's list
// (llama-vocab.cpp, August 2026) without the file separators and padding of code models, which end no turn of
// a chat.
constexpr std::string_view end_spellings[] = {"<|im_end|>",
                                              "<|eot_id|>",
                                              "<|eom_id|>",
                                              "<|end|>",
                                              "<|return|>",
                                              "<|call|>",
                                              "<|calls|>",
                                              "<|flush|>",
                                              "<end_of_turn>",
                                              "<turn|>",
                                              "<|tool_response>",
                                              "<|endoftext|>",
                                              "<|end_of_text|>",
                                              "<eos>",
                                              "</s>",
                                              "<EOT>",
                                              "_<EOT>",
                                              "[EOT]",
                                              "[EOS]",
                                              "[e~[",
                                              "<\uFF5Cend\u2581of\u2581sentence\uFF5C>",
                                              "<end_of_utterance>"};

constexpr std::string_view template_key = "tokenizer.chat_template";

/// "bos_token" and so on, those that there are.
void add_special_tokens(const Vocabulary& vocabulary, Object& out) {
    const SpecialTokens& special = vocabulary.special();
    const auto add = [&](const char* key, std::optional<std::uint32_t> id) {
        if (id) out.emplace_back(key, vocabulary.piece(*id));
    };
    add("bos_token", special.bos);
    add("eos_token", special.eos);
    add("unk_token", special.unk);
    add("sep_token", special.sep);
    add("pad_token", special.pad);
    add("cls_token", special.cls);
    add("mask_token", special.mask);
}

Object added_tokens_decoder(const Vocabulary& vocabulary) {
    Object out;
    for (const AddedToken& token : added_tokens(vocabulary))
        out.emplace_back(std::to_string(token.id), Object{{"content", vocabulary.piece(token.id)},
                                                          {"lstrip", token.lstrip},
                                                          {"normalized", false},
                                                          {"rstrip", token.rstrip},
                                                          {"single_word", false},
                                                          {"special", token.special}});
    return out;
}

Node template_node(const std::vector<ChatTemplate>& templates) {
    if (templates.size() == 1 && templates.front().name == "default") return templates.front().text;
    Array list;
    for (const ChatTemplate& entry : templates)
        list.push_back(Object{{"name", entry.name}, {"template", entry.text}});
    return list;
}

/// What elsewhere ends a turn and here only a part of one, after which the model goes on.
std::vector<std::string_view> ends_of_parts(const Vocabulary& vocabulary) {
    const auto has = [&](std::string_view spelling) { return vocabulary.find(spelling).has_value(); };
    std::vector<std::string_view> spellings;
    const bool calls = has("<|call|>") || has("<|calls|>");
    if (calls && (has("<|return|>") || has("<|flush|>")))
        spellings.emplace_back("<|end|>");                        // gpt-oss, solar-open
    if (has("<|tool_response>")) spellings.emplace_back("</s>");  // gemma4
    return spellings;
}

}  // namespace

std::vector<ChatTemplate> chat_templates(const Gguf& head) {
    std::vector<ChatTemplate> templates;
    if (const auto text = head.string_of(template_key)) templates.push_back({"default", as_utf8(*text)});
    for (const KeyValue& entry : head.metadata()) {
        const auto text = entry.value.as_string();
        if (text && entry.key.starts_with(template_key) && entry.key.size() > template_key.size() + 1 &&
            entry.key[template_key.size()] == '.')
            templates.push_back({std::string(entry.key.substr(template_key.size() + 1)), as_utf8(*text)});
    }
    return templates;
}

Object tokenizer_config(const Vocabulary& vocabulary, const Gguf& head) {
    Object out;
    add_special_tokens(vocabulary, out);
    if (vocabulary.model() != VocabularyModel::wordpiece) {
        out.emplace_back("add_bos_token", vocabulary.adds_bos());
        out.emplace_back("add_eos_token", vocabulary.adds_eos());
    }
    out.emplace_back("clean_up_tokenization_spaces", false);
    const std::string length_key = std::string(head.architecture()) + ".context_length";
    if (const auto length = head.unsigned_of(length_key)) out.emplace_back("model_max_length", *length);
    // Not LlamaTokenizer and the like: those rebuild what tokenizer.json says.
    out.emplace_back("tokenizer_class", "PreTrainedTokenizerFast");
    out.emplace_back("added_tokens_decoder", added_tokens_decoder(vocabulary));
    if (const auto templates = chat_templates(head); !templates.empty())
        out.emplace_back("chat_template", template_node(templates));
    return out;
}

Object special_tokens_map(const Vocabulary& vocabulary) {
    Object out;
    add_special_tokens(vocabulary, out);
    return out;
}

std::vector<std::uint32_t> end_tokens(const Vocabulary& vocabulary) {
    std::vector<std::uint32_t> ids;
    const auto add = [&](std::optional<std::uint32_t> id) {
        if (id && std::find(ids.begin(), ids.end(), *id) == ids.end()) ids.push_back(*id);
    };
    add(vocabulary.special().eos);
    add(vocabulary.special().eot);
    add(vocabulary.special().eom);
    for (const std::string_view spelling : end_spellings) add(vocabulary.find(spelling));
    for (const std::string_view spelling : ends_of_parts(vocabulary)) {
        if (const auto id = vocabulary.find(spelling)) std::erase(ids, *id);
    }
    return ids;
}

Object generation_config(const Vocabulary* vocabulary, const Gguf& head) {
    Object out;
    if (vocabulary) {
        const SpecialTokens& special = vocabulary->special();
        if (special.bos) out.emplace_back("bos_token_id", *special.bos);
        Array ends;
        for (const std::uint32_t id : end_tokens(*vocabulary)) ends.emplace_back(id);
        if (!ends.empty()) out.emplace_back("eos_token_id", std::move(ends));
        if (special.pad) out.emplace_back("pad_token_id", *special.pad);
    }

    bool samples = false;
    const auto add_real = [&](const char* key, const char* source) {
        const auto number = head.double_of(source);
        if (!number || !std::isfinite(*number)) return;
        out.emplace_back(key, static_cast<float>(*number));
        samples = true;
    };
    add_real("temperature", "general.sampling.temp");
    if (const auto number = head.unsigned_of("general.sampling.top_k")) {
        out.emplace_back("top_k", *number);
        samples = true;
    }
    add_real("top_p", "general.sampling.top_p");
    add_real("min_p", "general.sampling.min_p");
    if (samples) out.emplace_back("do_sample", true);
    return out;
}

}  // namespace ggufmap::hf
