// Numbers that stand in two places and must agree.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "detail/check_rules.hpp"
#include "ggufmap/layout.hpp"

namespace ggufmap::detail {
namespace {

// "_chexps" are stacked by chunk, of which there are fewer than experts.
bool is_expert_stack(std::string_view name) { return name.find("_exps.") != std::string_view::npos; }

class Counts {
public:
    Counts(const Model& model, Findings& findings)
        : model_(model), head_(model.head()), architecture_(head_.architecture()), findings_(findings) {}

    void check() {
        check_token_lists();
        check_special_tokens();
        if (kind_of(model_) != ModelKind::model) return;
        check_embedding();
        check_vocabulary_size();
        check_layer_lists();
        check_tensors();
    }

private:
    std::string own(std::string_view key) const { return fmt::format("{}.{}", architecture_, key); }
    std::optional<std::uint64_t> length_of(std::string_view key) const {
        const auto array = head_.array_of(key);
        return array ? std::optional(array->size()) : std::nullopt;
    }
    void disagree(const std::string& place, const std::string& text) {
        findings_.warning("count", [&] {
            return Findings::Told{{model_.shards().front().file.name(), place}, text};
        });
    }
    void check_token_lists();
    void check_special_tokens();
    void check_embedding();
    void check_vocabulary_size();
    void check_layer_lists();
    void check_tensors();
    void check_layers(const std::map<std::string_view, std::uint64_t>& layers_of_stack);

    const Model& model_;
    const Gguf& head_;
    const std::string architecture_;
    Findings& findings_;
};

// One score and one type for each token.
void Counts::check_token_lists() {
    const auto tokens = length_of("tokenizer.ggml.tokens");
    if (!tokens) return;
    for (const char* key : {"tokenizer.ggml.scores", "tokenizer.ggml.token_type"}) {
        const auto length = length_of(key);
        if (length && *length != *tokens)
            disagree(key_place(key),
                     fmt::format("has {} for {}", counted(*length, "element"), counted(*tokens, "token")));
    }
}

// Loaders drop an id that no token has. 2^32 - 1 is what converters write for "none".
void Counts::check_special_tokens() {
    const auto tokens = length_of("tokenizer.ggml.tokens");
    if (!tokens) return;
    for (const char* name : {"bos", "eos", "eot", "eom", "unknown", "padding", "cls", "mask"}) {
        const std::string key = fmt::format("tokenizer.ggml.{}_token_id", name);
        const auto id = head_.unsigned_of(key);
        if (id && *id >= *tokens && *id != UINT32_MAX)
            disagree(key_place(key), fmt::format("is {}, but there are {}", *id, counted(*tokens, "token")));
    }
}

// One row of the embedding for each token, as wide as the model.
void Counts::check_embedding() {
    const ModelTensor* embedding = model_.find_tensor("token_embd.weight");
    if (embedding == nullptr || embedding->info->dimension_count < 2) return;
    const std::string place = tensor_place(embedding->info->name);
    const auto tokens = length_of("tokenizer.ggml.tokens");
    const std::uint64_t rows = embedding->info->dimension[1];
    if (tokens && rows != *tokens)
        disagree(place, fmt::format("has {} for {}", counted(rows, "row"), counted(*tokens, "token")));
    const auto width = head_.unsigned_of(own("embedding_length"));
    const std::uint64_t columns = embedding->info->dimension[0];
    // Codecs (wavtokenizer-dec) embed features, which have a width of their own.
    if (width && columns != *width && head_.find(own("features_length")) == nullptr)
        disagree(place, fmt::format("is {} wide, '{}' is {}", columns, own("embedding_length"), *width));
}

// It may be larger: the rows of the embedding that pad a vocabulary count.
void Counts::check_vocabulary_size() {
    const auto size = head_.unsigned_of(own("vocab_size"));
    const auto tokens = length_of("tokenizer.ggml.tokens");
    if (!size || !tokens || *size >= *tokens) return;
    const ModelTensor* embedding = model_.find_tensor("token_embd.weight");
    if (embedding != nullptr && embedding->info->dimension[1] == *size) return;  // told by check_embedding()
    disagree(key_place(own("vocab_size")),
             fmt::format("is {}, but there are {}", *size, counted(*tokens, "token")));
}

// llama.cpp refuses a list that has not one element for each layer.
void Counts::check_layer_lists() {
    const auto blocks = head_.unsigned_of(own("block_count"));
    if (!blocks) return;
    for (const char* name : {"feed_forward_length", "attention.head_count", "attention.head_count_kv"}) {
        const auto length = length_of(own(name));
        if (length && *length != *blocks)
            disagree(key_place(own(name)),
                     fmt::format("has {} for {}", counted(*length, "element"), counted(*blocks, "layer")));
    }
}

void Counts::check_tensors() {
    const auto experts = head_.unsigned_of(own("expert_count"));
    std::map<std::string_view, std::uint64_t> layers_of_stack;
    for (const ModelTensor& tensor : model_.tensors()) {
        const Role role = role_of(tensor.info->name);
        if (!role.layer) continue;
        std::uint64_t& layers = layers_of_stack[role.stack];
        layers = std::max(layers, std::uint64_t{*role.layer} + 1);
        const std::uint64_t slices = is_expert_stack(tensor.info->name) ? expert_slices(*tensor.info) : 0;
        if (slices != 0 && experts && slices != *experts)
            findings_.warning("count", [&] {
                return Findings::Told{
                    {model_.shards()[tensor.shard].file.name(), tensor_place(tensor.info->name)},
                    fmt::format("stacks {}, '{}' is {}", counted(slices, "expert"), own("expert_count"),
                                *experts)};
            });
    }
    check_layers(layers_of_stack);
}

void Counts::check_layers(const std::map<std::string_view, std::uint64_t>& layers_of_stack) {
    const auto blocks = head_.unsigned_of(own("block_count"));
    if (!blocks) return;
    for (const auto& [stack, layers] : layers_of_stack) {
        // T5 may have decoders of another depth.
        const std::uint64_t wanted =
            stack == "dec" ? head_.unsigned_of(own("decoder_block_count")).value_or(*blocks) : *blocks;
        if (layers != wanted)
            disagree(key_place(own(stack == "dec" ? "decoder_block_count" : "block_count")),
                     fmt::format("is {}, but the tensors make {}", wanted, counted(layers, "layer")));
    }
    if (layers_of_stack.empty() && *blocks != 0)
        disagree(key_place(own("block_count")),
                 fmt::format("is {}, but no tensor belongs to a layer", *blocks));
}

}  // namespace

void check_counts(const Model& model, Findings& findings) { Counts(model, findings).check(); }

}  // namespace ggufmap::detail
