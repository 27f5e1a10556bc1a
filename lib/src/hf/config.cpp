#include "ggufmap/hf/config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "hf/architecture.hpp"
#include "hf/tensor_types.hpp"

namespace ggufmap::hf {
namespace {

std::string_view weights_precision(const Model& model) {
    std::map<std::uint32_t, std::uint64_t> bytes_of_type;
    for (const ModelTensor& tensor : model.tensors())
        bytes_of_type[tensor.info->type] += tensor.info->bytes.value_or(0);
    if (bytes_of_type.empty()) return "float16";
    const auto most = std::max_element(bytes_of_type.begin(), bytes_of_type.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    if (most->first == f32) return "float32";
    if (most->first == f16) return "float16";
    return bytes_of_type.contains(bf16) ? "bfloat16" : "float16";
}

std::string_view name_of(Precision precision, const Model& model) {
    switch (precision) {
        case Precision::fp16:
            return "float16";
        case Precision::bf16:
            return "bfloat16";
        case Precision::fp32:
            return "float32";
        case Precision::by_weights:
            break;
    }
    return weights_precision(model);
}

// What the vocabulary's reader tells of ids beyond it need not be told again.
void add_token_ids(const Facts& facts, Object& out) {
    const Gguf& head = facts.model().head();
    const auto tokens = head.array_of("tokenizer.ggml.tokens");
    const std::uint64_t stated = tokens ? tokens->size() : UINT64_MAX;
    const std::uint64_t rows = facts.rows("token_embd.weight").value_or(stated);
    const auto add = [&](const char* key, const char* source) {
        const auto id = head.unsigned_of(source);
        if (id && *id < std::min(stated, rows)) out.emplace_back(key, *id);
    };
    add("bos_token_id", "tokenizer.ggml.bos_token_id");
    add("eos_token_id", "tokenizer.ggml.eos_token_id");
    add("pad_token_id", "tokenizer.ggml.padding_token_id");
}

void note_what_differs(const Facts& facts, Notes& notes) {
    const auto tokens = facts.model().head().array_of("tokenizer.ggml.tokens");
    const auto rows = facts.rows("token_embd.weight");
    if (tokens && rows && tokens->size() != *rows)
        notes.push_back(fmt::format("tokens of the vocabulary: {}, rows of token_embd.weight: {}",
                                    tokens->size(), *rows));
    for (const std::string_view key : Facts::layered_keys) {
        const KeyValue* entry = facts.model().head().find(fmt::format("{}.{}", facts.architecture(), key));
        if (entry && entry->value.as_array())
            notes.push_back(
                fmt::format("{} has a value for each layer; config.json has the largest", entry->key));
    }
}

}  // namespace

bool has_mapping(const Model& model) { return find_architecture(Facts(model)) != nullptr; }

std::string config_obstacle(const Model& model) {
    const Facts facts(model);
    if (!find_architecture(facts))
        return fmt::format("the architecture '{}' has no mapping", facts.architecture());
    for (const std::string_view key : {"embedding_length", "block_count"}) {
        if (!facts.number(key)) return fmt::format("the metadata has no '{}.{}'", facts.architecture(), key);
    }
    return {};
}

std::optional<Object> model_config(const Model& model, Precision precision, Notes& notes) {
    if (!config_obstacle(model).empty()) return std::nullopt;
    const Facts facts(model);
    const Architecture* architecture = find_architecture(facts);
    note_what_differs(facts, notes);
    Object out = {{"architectures", Array{architecture->class_name}},
                  {"model_type", architecture->model_type},
                  {"torch_dtype", name_of(precision, model)}};
    for (const FieldGroup group : architecture->fields) {
        for (const Field& field : group) {
            if (auto value = field.rule(facts, field)) set(out, field.key, std::move(*value));
        }
    }
    if (auto scaling = rope_scaling(facts, architecture->model_type, notes))
        out.emplace_back("rope_scaling", std::move(*scaling));
    add_token_ids(facts, out);
    return out;
}

}  // namespace ggufmap::hf
