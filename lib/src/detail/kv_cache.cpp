// The attention cache as llama.cpp lays it out (src/llama-kv-cache*.cpp, src/llama-memory-recurrent.cpp,
// hyperparameters in src/llama-model.cpp and src/models/).
#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "ggufmap/checked.hpp"
#include "ggufmap/layout.hpp"
#include "ggufmap/memory.hpp"

namespace ggufmap {
namespace {

std::optional<std::uint64_t> row_bytes(std::uint64_t elements, KvType type) {
    if (type == KvType::f16) return checked::multiply(elements, 2);
    constexpr std::uint64_t block_elements = 32;
    const auto rounded = checked::align_up(elements, block_elements);
    return rounded ? checked::multiply(*rounded / block_elements, type == KvType::q8_0 ? 34 : 18)
                   : std::nullopt;
}

std::optional<std::uint64_t> product(std::initializer_list<std::optional<std::uint64_t>> factors) {
    std::optional<std::uint64_t> result = 1;
    for (const auto& factor : factors)
        result = result && factor ? checked::multiply(*result, *factor) : std::nullopt;
    return result;
}

std::optional<std::uint64_t> sum(std::optional<std::uint64_t> a, std::optional<std::uint64_t> b) {
    return a && b ? checked::add(*a, *b) : std::nullopt;
}

// Which layers have a sliding window, where an architecture has no key for it or may leave it out.
struct WindowRule {
    std::string_view architecture;
    std::uint64_t period;      // one layer in so many sees everything; 1: all do
    bool full_first = false;   // it is the first of them, not the last
    std::uint64_t window = 0;  // tokens, where the header does not tell
    std::uint64_t forced = 0;  // tokens, whatever the header tells
    std::uint64_t layers = 0;  // only models of so many have windows; 0: all
};
constexpr std::array<WindowRule, 13> window_rules = {{{"gemma2", 2, false, 4096},
                                                      {"gemma3", 6},
                                                      {"gemma3n", 5},
                                                      {"cohere2", 4},
                                                      {"olmo2", 4},
                                                      {"exaone4", 4, false, 4096, 0, 64},
                                                      {"exaone-moe", 4, false, 128},
                                                      {"llama4", 4, false, 8192, 8192},
                                                      {"smallthinker", 4, true, 0, 4096},
                                                      {"gpt-oss", 2},
                                                      {"plamo3", 8},
                                                      {"afmoe", 4},
                                                      {"phi3", 1}}};

// Attend to all tokens at once, so that nothing is kept, without a key that says so.
constexpr std::array<std::string_view, 6> not_causal = {"dream", "llada",           "llada-moe",
                                                        "rnd1",  "gemma-embedding", "t5encoder"};

// What the tensors of a layer tell.
struct LayerTensors {
    bool keys = false;       // K comes from here
    bool recurrent = false;  // a state is kept instead of K and V, or beside them
};

std::vector<LayerTensors> tensors_of_layers(const Model& model, std::uint64_t layers) {
    std::vector<LayerTensors> result(layers);
    for (const ModelTensor& tensor : model.tensors()) {
        const Role role = role_of(tensor.info->name);
        if (!role.layer || !role.stack.empty() || *role.layer >= layers) continue;
        constexpr std::size_t block = 4;  // "blk."
        const std::string_view name = tensor.info->name.substr(tensor.info->name.find('.', block) + 1);
        const auto is_one_of = [&](std::initializer_list<std::string_view> starts) {
            return std::any_of(starts.begin(), starts.end(),
                               [&](std::string_view start) { return name.starts_with(start); });
        };
        LayerTensors& layer = result[*role.layer];
        layer.keys = layer.keys || is_one_of({"attn_k.", "attn_k_b.", "attn_kv", "attn_qkv."});
        layer.recurrent = layer.recurrent || is_one_of({"ssm_", "time_mix_", "shortconv."});
    }
    return result;
}

class Architecture {
public:
    Architecture(const Gguf& gguf, std::uint64_t layers)
        : gguf_(gguf), name_(gguf.architecture()), layers_(layers) {
        for (const WindowRule& rule : window_rules) {
            if (rule.architecture == name_ && (rule.layers == 0 || rule.layers == layers)) rule_ = &rule;
        }
    }

    std::string key(std::string_view rest) const { return name_ + "." + std::string(rest); }
    std::optional<std::uint64_t> number(std::string_view rest) const { return gguf_.unsigned_of(key(rest)); }

    // A number for all layers, or an array with one for each.
    std::optional<std::uint64_t> number_of_layer(std::string_view rest, std::uint64_t layer) const {
        const auto array = gguf_.array_of(key(rest));
        if (!array) return number(rest);
        return layer < array->size() ? array->at(layer).as_unsigned() : std::nullopt;
    }

    bool causal() const {
        return gguf_.bool_of(key("attention.causal")).value_or(true) &&
               std::find(not_causal.begin(), not_causal.end(), name_) == not_causal.end();
    }

    // Of K and V in one layer: nothing where the header does not tell.
    std::optional<std::uint64_t> heads(std::uint64_t layer) const {
        const auto heads = number_of_layer("attention.head_count_kv", layer);
        return heads ? heads : number_of_layer("attention.head_count", layer);
    }

    // Elements of K or V ("key", "value") that one head of one token takes.
    std::optional<std::uint64_t> head_size(const std::string& what, bool windowed) const {
        const std::string rest = "attention." + what + "_length";
        if (const auto own = windowed ? number(rest + "_swa") : std::nullopt) return own;
        if (const auto given = number(rest)) return given;
        const auto embedding = number("embedding_length");
        for (std::uint64_t layer = 0; embedding && layer < layers_; ++layer) {
            const auto queries = number_of_layer("attention.head_count", layer);
            if (queries.value_or(0) != 0) return *embedding / *queries;
        }
        return std::nullopt;
    }

    // With multi-head latent attention the compressed K serves as V, too.
    bool compressed() const { return number("attention.key_length_mla").has_value(); }

    // Linear attention: most layers of some models have it.
    bool linear(std::uint64_t layer) const {
        if (const auto told = number_of_layer("attention.recurrent_layers", layer)) return *told != 0;
        const bool usual = name_ == "qwen3next" || name_ == "qwen35" || name_ == "qwen35moe";
        const std::uint64_t interval = number("full_attention_interval").value_or(usual ? 4 : 0);
        return interval != 0 && (layer + 1) % interval != 0;
    }

    // The layers from 0 that have K and V of their own; those behind them use an earlier layer's.
    std::uint64_t own_layers() const {
        const auto shared = number("attention.shared_kv_layers");
        if (!shared && name_ == "gemma3n") return std::min<std::uint64_t>(layers_, 20);
        return layers_ - std::min(layers_, shared.value_or(0));
    }

    // Tokens of a sliding window; nothing where there is none.
    std::optional<std::uint64_t> window() const {
        auto given = number("attention.sliding_window");
        if (!given && rule_ != nullptr && rule_->window != 0) given = rule_->window;
        if (!given || *given == 0) return std::nullopt;
        return rule_ != nullptr && rule_->forced != 0 ? rule_->forced : *given;
    }

    // Whether `layer` sees no more than the window; nothing where nobody tells.
    std::optional<bool> windowed(std::uint64_t layer) const {
        constexpr std::string_view pattern = "attention.sliding_window_pattern";
        const auto told = number_of_layer(pattern, layer);
        if (told && gguf_.array_of(key(pattern))) return *told != 0;
        if (!told && rule_ == nullptr) return std::nullopt;
        const std::uint64_t period = told ? *told : rule_->period;
        const bool full_first = rule_ != nullptr && rule_->full_first;
        return period == 0 || layer % period != (full_first ? 0 : period - 1);
    }

    // Bytes that one recurrent layer keeps, in f32; nothing where the header does not tell.
    std::optional<std::uint64_t> state_bytes() const {
        constexpr std::uint64_t element = 4;
        const auto embedding = number("embedding_length");
        if (const auto head = number("wkv.head_size"))
            return product({embedding, sum(*head, number("token_shift_count").value_or(2)), element});
        if (const auto cells = number("shortconv.l_cache"))
            return product({embedding, *cells - std::min<std::uint64_t>(*cells, 1), element});
        const auto kernel = number("ssm.conv_kernel");
        const auto inner = number("ssm.inner_size");
        const auto state = number("ssm.state_size");
        if (!kernel || !inner || !state) return std::nullopt;
        const auto columns = sum(inner, product({2, number("ssm.group_count").value_or(0), state}));
        const auto convolution = product({*kernel - std::min<std::uint64_t>(*kernel, 1), columns});
        return product({sum(convolution, product({state, inner})), element});
    }

private:
    const Gguf& gguf_;
    std::string name_;
    std::uint64_t layers_;
    const WindowRule* rule_ = nullptr;
};

// Tokens that the cache of a layer with a window has room for: the window and a batch (llama.cpp's 512 unless
// told otherwise) of one sequence, rounded up.
std::uint64_t window_tokens(std::uint64_t window, std::uint64_t context) {
    const auto cells = sum(window, 512);
    return std::min(context, (cells ? checked::align_up(*cells, 256) : std::nullopt).value_or(context));
}

// Adds K and V of one layer to `cache`; false where the numbers are missing or too large.
bool add_attention(const Architecture& architecture, std::uint64_t layer, std::uint64_t heads, KvType type,
                   KvCache& cache) {
    const auto window = architecture.window();
    const auto told = window ? architecture.windowed(layer) : false;
    const bool windowed = told.value_or(false);
    const auto row = [&](const std::string& what) {
        const auto elements = product({architecture.head_size(what, windowed), heads});
        return elements ? row_bytes(*elements, type) : std::nullopt;
    };
    const auto value = architecture.compressed() ? std::optional<std::uint64_t>(0) : row("value");
    const std::uint64_t tokens = windowed ? window_tokens(*window, cache.context) : cache.context;
    const auto bytes = sum(cache.bytes, product({sum(row("key"), value), tokens}));
    ++cache.layers;
    if (windowed) ++cache.windowed;
    if (!told) cache.at_most = true;
    cache.bytes = bytes.value_or(0);
    return bytes.has_value();
}

bool add_state(std::uint64_t bytes, KvCache& cache) {
    const auto all = sum(cache.bytes, bytes);
    cache.bytes = all.value_or(0);
    cache.state_bytes += all ? bytes : 0;  // no more than all bytes
    return all.has_value();
}

}  // namespace

std::optional<KvType> parse_kv_type(std::string_view name) {
    if (name == "f16") return KvType::f16;
    if (name == "q8_0") return KvType::q8_0;
    if (name == "q4_0") return KvType::q4_0;
    return std::nullopt;
}

std::optional<KvCache> kv_cache(const Model& model, std::uint64_t context, KvType type) {
    const Gguf& gguf = model.head();
    const std::string name(gguf.architecture());
    const std::uint64_t blocks = gguf.unsigned_of(name + ".block_count").value_or(0);
    // The last ones only guess at tokens ahead, and get no cache.
    const std::uint64_t layers =
        blocks - std::min(blocks, gguf.unsigned_of(name + ".nextn_predict_layers").value_or(0));
    if (context == 0) context = gguf.unsigned_of(name + ".context_length").value_or(0);
    // A layer takes a tensor at least: more layers than tensors are a lie that would keep us here.
    if (layers == 0 || layers > model.tensors().size() || context == 0) return std::nullopt;

    const Architecture architecture(gguf, layers);
    KvCache cache{.context = context};
    if (!architecture.causal()) return cache;
    const std::vector<LayerTensors> tensors = tensors_of_layers(model, layers);
    const auto any = [&](bool LayerTensors::*what) {
        return std::any_of(tensors.begin(), tensors.end(),
                           [&](const LayerTensors& one) { return one.*what; });
    };
    const bool keys_named = any(&LayerTensors::keys);
    const bool states_named = any(&LayerTensors::recurrent);
    const auto state = architecture.state_bytes();
    for (std::uint64_t layer = 0; layer < layers; ++layer) {
        // Where some layers name their K, those that do not have none; where none does, they may have names
        // that we do not know, unless all is recurrent.
        const bool may_attend = keys_named ? tensors[layer].keys : !states_named;
        const bool attends = may_attend && !architecture.linear(layer);
        const auto heads = attends ? architecture.heads(layer) : 0;
        if (!heads) return std::nullopt;
        const bool recurrent = states_named ? tensors[layer].recurrent : *heads == 0;
        if (recurrent && !add_state(state.value_or(0), cache)) return std::nullopt;
        if (*heads == 0 || layer >= architecture.own_layers()) continue;
        if (!add_attention(architecture, layer, *heads, type, cache)) return std::nullopt;
    }
    return cache;
}

}  // namespace ggufmap
