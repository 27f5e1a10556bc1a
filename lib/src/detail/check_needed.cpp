// Keys that llama.cpp cannot do without, and the types it wants (llama-model.cpp, llama-vocab.cpp, clip.cpp,
// August 2026).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>

#include "detail/check_rules.hpp"

namespace ggufmap::detail {
namespace {

enum class Wants { u32, u32_or_list, f32, boolean, text, texts, f32_list, i32_list };

struct KeyRule {
    std::string_view key;
    Wants wants;
};

// After the architecture's name.
constexpr std::array architecture_keys = {
    KeyRule{"context_length", Wants::u32},
    KeyRule{"embedding_length", Wants::u32},
    KeyRule{"block_count", Wants::u32},
    KeyRule{"vocab_size", Wants::u32},
    KeyRule{"expert_count", Wants::u32},
    KeyRule{"expert_used_count", Wants::u32},
    KeyRule{"feed_forward_length", Wants::u32_or_list},
    KeyRule{"attention.head_count", Wants::u32_or_list},
    KeyRule{"attention.head_count_kv", Wants::u32_or_list},
    KeyRule{"attention.layer_norm_epsilon", Wants::f32},
    KeyRule{"attention.layer_norm_rms_epsilon", Wants::f32},
    KeyRule{"attention.causal", Wants::boolean},
    KeyRule{"rope.dimension_count", Wants::u32},
    KeyRule{"rope.freq_base", Wants::f32},
    KeyRule{"rope.scaling.type", Wants::text},
    KeyRule{"rope.scaling.factor", Wants::f32},
};

constexpr std::array general_keys = {
    KeyRule{"general.architecture", Wants::text},
    KeyRule{"general.type", Wants::text},
    KeyRule{"general.name", Wants::text},
    KeyRule{"general.file_type", Wants::u32},
    KeyRule{"general.quantization_version", Wants::u32},
    KeyRule{"tokenizer.ggml.model", Wants::text},
    KeyRule{"tokenizer.ggml.pre", Wants::text},
    KeyRule{"tokenizer.ggml.tokens", Wants::texts},
    KeyRule{"tokenizer.ggml.merges", Wants::texts},
    KeyRule{"tokenizer.ggml.scores", Wants::f32_list},
    KeyRule{"tokenizer.ggml.token_type", Wants::i32_list},
    KeyRule{"tokenizer.ggml.bos_token_id", Wants::u32},
    KeyRule{"tokenizer.ggml.eos_token_id", Wants::u32},
    KeyRule{"tokenizer.ggml.unknown_token_id", Wants::u32},
    KeyRule{"tokenizer.ggml.padding_token_id", Wants::u32},
    KeyRule{"tokenizer.ggml.add_bos_token", Wants::boolean},
    KeyRule{"tokenizer.ggml.add_eos_token", Wants::boolean},
    KeyRule{"tokenizer.chat_template", Wants::text},
    KeyRule{"adapter.type", Wants::text},
    KeyRule{"adapter.lora.alpha", Wants::f32},
};

std::string_view in_words(Wants wants) {
    constexpr std::array<std::string_view, 8> words = {"uint32",           "uint32 or an array of integers",
                                                       "float32",          "bool",
                                                       "string",           "an array of strings",
                                                       "array of float32", "an array of int32"};
    return words[static_cast<std::size_t>(wants)];
}

bool is_list_of(const Value& value, std::initializer_list<ValueType> types) {
    const auto array = value.as_array();
    return array && std::find(types.begin(), types.end(), array->element_type()) != types.end();
}

bool satisfies(const Value& value, Wants wants) {
    switch (wants) {
        case Wants::u32:
            return value.type() == ValueType::uint32;
        case Wants::u32_or_list:
            return value.type() == ValueType::uint32 ||
                   is_list_of(value, {ValueType::int32, ValueType::uint32});
        case Wants::f32:
            return value.type() == ValueType::float32;
        case Wants::boolean:
            return value.type() == ValueType::boolean;
        case Wants::text:
            return value.type() == ValueType::string;
        case Wants::texts:
            return is_list_of(value, {ValueType::string});
        case Wants::f32_list:
            return is_list_of(value, {ValueType::float32});
        case Wants::i32_list:
            return is_list_of(value, {ValueType::int32, ValueType::uint32});
    }
    return false;
}

std::string describe_type(const Value& value) {
    const auto array = value.as_array();
    return array ? fmt::format("array of {}", name_of(array->element_type()))
                 : std::string(name_of(value.type()));
}

class NeededKeys {
public:
    NeededKeys(const Model& model, Findings& findings)
        : model_(model), head_(model.head()), architecture_(head_.architecture()), findings_(findings) {}

    void check();

private:
    void check_types();
    void need(const std::string& key) { need_one_of({key}); }
    void need_one_of(const std::vector<std::string>& keys);
    void need_hyperparameters();
    void need_tokenizer();

    const Model& model_;
    const Gguf& head_;
    const std::string architecture_;
    Findings& findings_;
};

void NeededKeys::check() {
    check_types();
    switch (kind_of(model_)) {
        case ModelKind::model:
            need("general.architecture");
            if (!architecture_.empty()) need_hyperparameters();
            need_tokenizer();
            break;
        case ModelKind::vocabulary:
            need("general.architecture");
            need_tokenizer();
            break;
        case ModelKind::adapter:
            need("general.architecture");
            if (head_.string_of("adapter.type") == "lora") need("adapter.lora.alpha");
            break;
        case ModelKind::projector:
            need_one_of({"clip.has_vision_encoder", "clip.has_audio_encoder"});
            break;
        case ModelKind::imatrix:
        case ModelKind::shard:
        case ModelKind::other:
            break;
    }
}

void NeededKeys::check_types() {
    const auto check_one = [this](const std::string& key, Wants wants) {
        const KeyValue* entry = head_.find(key);
        if (entry == nullptr || satisfies(entry->value, wants)) return;
        findings_.warning("key-type", [&] {
            return Findings::Told{
                {model_.shards().front().file.name(), key_place(key), entry->where.offset},
                fmt::format("is of type {}, wanted {}", describe_type(entry->value), in_words(wants))};
        });
    };
    for (const KeyRule& rule : general_keys) check_one(std::string(rule.key), rule.wants);
    if (architecture_.empty()) return;
    for (const KeyRule& rule : architecture_keys)
        check_one(fmt::format("{}.{}", architecture_, rule.key), rule.wants);
}

void NeededKeys::need_one_of(const std::vector<std::string>& keys) {
    if (std::any_of(keys.begin(), keys.end(),
                    [this](const std::string& key) { return head_.find(key) != nullptr; }))
        return;
    findings_.warning("key-missing", [&] {
        return Findings::Told{
            {model_.shards().front().file.name(), key_place(keys.front())},
            keys.size() == 1 ? "is missing" : fmt::format("is missing, and so is '{}'", keys[1])};
    });
}

void NeededKeys::need_hyperparameters() {
    const auto own = [this](std::string_view key) { return fmt::format("{}.{}", architecture_, key); };
    need(own("context_length"));
    need(own("embedding_length"));
    need(own("block_count"));
    const auto& tensors = model_.tensors();
    const auto any_tensor = [&](std::string_view part) {
        return std::any_of(tensors.begin(), tensors.end(), [&](const ModelTensor& tensor) {
            return tensor.info->name.find(part) != std::string_view::npos;
        });
    };
    if (any_tensor(".attn_q")) {
        need(own("attention.head_count"));
        need_one_of({own("attention.layer_norm_rms_epsilon"), own("attention.layer_norm_epsilon")});
    }
    if (any_tensor("_exps.")) {
        need(own("expert_count"));
        need(own("expert_used_count"));
    }
}

void NeededKeys::need_tokenizer() {
    need("tokenizer.ggml.model");
    const auto tokenizer = head_.string_of("tokenizer.ggml.model");
    if (!tokenizer || *tokenizer == "none" || *tokenizer == "no_vocab") return;
    need("tokenizer.ggml.tokens");
    if (*tokenizer == "gpt2") need("tokenizer.ggml.merges");
}

}  // namespace

void check_needed_keys(const Model& model, Findings& findings) { NeededKeys(model, findings).check(); }

}  // namespace ggufmap::detail
