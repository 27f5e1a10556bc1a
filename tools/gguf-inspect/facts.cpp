#include "gguf-inspect/facts.hpp"

#include <algorithm>
#include <map>

#include "gguf-inspect/words.hpp"
#include "ggufmap/checked.hpp"

namespace ggufmap::inspect {
namespace {

// Names and licenses are shorter; a string may be as long as the header, and --kv and --get have it whole.
constexpr std::size_t most_text_bytes = 4096;

/// Look-ups in the metadata of a model, with or without its architecture's prefix.
class Keys {
public:
    explicit Keys(const Model& model)
        : head_(model.head()), prefix_(std::string(head_.architecture()) + ".") {}

    std::optional<std::string> text(std::string_view key) const {
        const KeyValue* const entry = head_.find(key);
        if (entry == nullptr || entry->value.type() != ValueType::string) return std::nullopt;
        std::string text;
        if (append_bare_text(text, entry->value, 0, most_text_bytes)) text += "...";
        return text;
    }
    std::optional<std::uint64_t> text_bytes(std::string_view key) const {
        const auto found = head_.string_of(key);
        return found ? std::optional<std::uint64_t>(found->size()) : std::nullopt;
    }
    std::optional<std::uint64_t> length(std::string_view key) const {
        const auto array = head_.array_of(key);
        return array ? std::optional(array->size()) : std::nullopt;
    }
    std::optional<std::string> own_text(std::string_view key) const {
        return text(prefix_ + std::string(key));
    }
    std::optional<std::uint64_t> own(std::string_view key) const {
        return head_.unsigned_of(prefix_ + std::string(key));
    }
    std::optional<double> own_double(std::string_view key) const {
        return head_.double_of(prefix_ + std::string(key));
    }
    std::optional<Span> own_span(std::string_view key) const;

private:
    const Gguf& head_;
    std::string prefix_;
};

std::optional<Span> Keys::own_span(std::string_view key) const {
    if (const auto number = own(key)) return Span{*number, *number};
    const auto array = head_.array_of(prefix_ + std::string(key));
    if (!array || array->empty()) return std::nullopt;
    Span span{UINT64_MAX, 0};
    for (const Value element : *array) {
        const auto number = element.as_unsigned();
        if (!number) return std::nullopt;
        span = {std::min(span.least, *number), std::max(span.most, *number)};
    }
    return span;
}

void add_weights(Facts& facts, const Model& model) {
    facts.parameters = count_parameters(model);
    facts.types = types_of(model);
    Amount all;
    for (const TypeShare& share : facts.types) all += share.amount;
    facts.bits_per_weight = all.bits_per_weight();
    facts.tensor_bytes = all.bytes;
    facts.tensors = all.tensors;
}

void add_shape(Facts& facts, const Keys& keys) {
    facts.context = keys.own("context_length");
    facts.sliding_window = keys.own("attention.sliding_window");
    facts.layers = keys.own("block_count");
    facts.embedding = keys.own("embedding_length");
    facts.feed_forward = keys.own_span("feed_forward_length");
    facts.heads = keys.own_span("attention.head_count");
    facts.kv_heads = keys.own_span("attention.head_count_kv");
    facts.head_size = keys.own("attention.key_length");
    if (!facts.head_size && facts.embedding && facts.heads && facts.heads->most != 0)
        facts.head_size = *facts.embedding / facts.heads->most;  // what loaders assume without the key
    facts.experts = keys.own("expert_count");
    facts.experts_used = keys.own("expert_used_count");
    facts.experts_shared = keys.own("expert_shared_count");
    facts.rope_base = keys.own_double("rope.freq_base");
    facts.rope_dimensions = keys.own("rope.dimension_count");
    facts.rope_scaling = keys.own_text("rope.scaling.type");
    facts.rope_factor = keys.own_double("rope.scaling.factor");
    facts.rope_original_context = keys.own("rope.scaling.original_context_length");
}

void add_tokenizer(Facts& facts, const Keys& keys) {
    facts.tokenizer = keys.text("tokenizer.ggml.model");
    facts.pre_tokenizer = keys.text("tokenizer.ggml.pre");
    facts.tokens = keys.length("tokenizer.ggml.tokens");
    facts.merges = keys.length("tokenizer.ggml.merges");
    facts.chat_template_bytes = keys.text_bytes("tokenizer.chat_template");
}

void add_files(Facts& facts, const Model& model) {
    facts.shards = model.shards().size();
    facts.shards_wanted = std::max(facts.shards, model.head().unsigned_of("split.count").value_or(1));
    if (model.has_files()) facts.file_bytes = model.file_bytes();
    facts.header_bytes = 0;
    for (const Shard& shard : model.shards()) facts.header_bytes += shard.gguf.header().size();
    if (!model.head().tensors().empty()) facts.data_offset = model.head().data_offset();
    facts.keys = model.head().metadata().size();
}

}  // namespace

std::vector<TypeShare> types_of(const Model& model) {
    std::map<std::uint32_t, Amount> amounts;
    std::uint64_t bytes = 0;
    for (const ModelTensor& tensor : model.tensors()) {
        const std::uint64_t size = tensor.info->bytes.value_or(0);
        amounts[tensor.info->type] += {1, tensor.info->elements(), size};
        bytes = checked::add(bytes, size).value_or(UINT64_MAX);
    }
    std::vector<TypeShare> shares;
    for (const auto& [type, amount] : amounts)
        shares.push_back(
            {type_name(type), amount,
             bytes == 0 ? 0 : 100.0 * static_cast<double>(amount.bytes) / static_cast<double>(bytes)});
    std::stable_sort(shares.begin(), shares.end(),
                     [](const TypeShare& a, const TypeShare& b) { return a.amount.bytes > b.amount.bytes; });
    return shares;
}

Facts facts_of(const Model& model) {
    const Keys keys(model);
    Facts facts{};
    facts.kind = kind_of(model);
    facts.name = keys.text("general.name");
    facts.architecture = keys.text("general.architecture");
    facts.size_label = keys.text("general.size_label");
    facts.license = keys.text("general.license");
    if (const auto file_type = model.head().unsigned_of("general.file_type")) {
        const std::string_view known = file_type_name(*file_type);
        facts.file_type = known.empty() ? std::to_string(*file_type) : std::string(known);
    }
    add_weights(facts, model);
    add_shape(facts, keys);
    add_tokenizer(facts, keys);
    add_files(facts, model);
    return facts;
}

std::vector<std::pair<std::string, cli::Cell>> cells_of(const Facts& facts) {
    std::vector<std::pair<std::string, cli::Cell>> cells;
    const auto add = [&](const char* name, const auto& value) {
        if (value) cells.emplace_back(name, cli::Cell(*value));
    };
    const auto add_span = [&](const char* name, const std::optional<Span>& span) {
        if (!span) return;
        if (span->least == span->most) return add(name, std::optional(span->most));
        cells.emplace_back(name + std::string("_least"), span->least);
        cells.emplace_back(name + std::string("_most"), span->most);
    };
    cells.emplace_back("kind", std::string(name_of(facts.kind)));
    add("name", facts.name);
    add("architecture", facts.architecture);
    add("size_label", facts.size_label);
    add("license", facts.license);
    add("file_type", facts.file_type);
    cells.emplace_back("parameters", facts.parameters.total);
    cells.emplace_back("active_parameters", facts.parameters.active);
    add("bits_per_weight", facts.bits_per_weight);
    add("context_length", facts.context);
    add("sliding_window", facts.sliding_window);
    add("layers", facts.layers);
    add("embedding_length", facts.embedding);
    add_span("feed_forward_length", facts.feed_forward);
    add_span("heads", facts.heads);
    add_span("kv_heads", facts.kv_heads);
    add("head_size", facts.head_size);
    add("experts", facts.experts);
    add("experts_used", facts.experts_used);
    add("experts_shared", facts.experts_shared);
    add("rope_base", facts.rope_base);
    add("rope_dimensions", facts.rope_dimensions);
    add("rope_scaling", facts.rope_scaling);
    add("rope_factor", facts.rope_factor);
    add("rope_original_context", facts.rope_original_context);
    add("tokenizer", facts.tokenizer);
    add("pre_tokenizer", facts.pre_tokenizer);
    add("vocabulary", facts.tokens);
    add("merges", facts.merges);
    add("chat_template_bytes", facts.chat_template_bytes);
    cells.emplace_back("shards", facts.shards);
    cells.emplace_back("shards_wanted", facts.shards_wanted);
    add("file_bytes", facts.file_bytes);
    cells.emplace_back("header_bytes", facts.header_bytes);
    cells.emplace_back("tensor_bytes", facts.tensor_bytes);
    cells.emplace_back("keys", facts.keys);
    cells.emplace_back("tensors", facts.tensors);
    return cells;
}

}  // namespace ggufmap::inspect
