#include <algorithm>
#include <array>

#include "ggufmap/checked.hpp"
#include "ggufmap/memory.hpp"

namespace ggufmap {
namespace {

// ggml's block of 32 elements in each type.
constexpr std::uint64_t block_elements = 32;
std::uint64_t block_bytes(KvType type) {
    switch (type) {
        case KvType::f16:
            return 64;
        case KvType::q8_0:
            return 34;
        case KvType::q4_0:
            break;
    }
    return 18;
}

std::optional<std::uint64_t> row_bytes(std::uint64_t elements, KvType type) {
    const auto rounded = checked::align_up(elements, block_elements);
    return rounded ? checked::multiply(*rounded / block_elements, block_bytes(type)) : std::nullopt;
}

// Elements of K and V that one head of one token takes.
struct HeadSize {
    std::uint64_t key;
    std::uint64_t value;
};

class Architecture {
public:
    explicit Architecture(const Gguf& gguf) : gguf_(gguf), prefix_(std::string(gguf.architecture()) + ".") {}

    std::optional<std::uint64_t> number(std::string_view key) const {
        return gguf_.unsigned_of(prefix_ + std::string(key));
    }

    // A number for all layers, or an array with one for each.
    std::optional<std::uint64_t> number_of_layer(std::string_view key, std::uint64_t layer) const {
        const auto array = gguf_.array_of(prefix_ + std::string(key));
        if (!array) return number(key);
        return layer < array->size() ? array->at(layer).as_unsigned() : std::nullopt;
    }

    std::optional<HeadSize> head_size() const {
        const auto heads = number_of_layer("attention.head_count", 0);
        const auto embedding = number("embedding_length");
        const auto even =
            heads && *heads != 0 && embedding ? std::optional(*embedding / *heads) : std::nullopt;
        const auto given_key = number("attention.key_length");
        const auto given_value = number("attention.value_length");
        const auto key = given_key ? given_key : even;
        const auto value = given_value ? given_value : even;
        if (!key || !value) return std::nullopt;
        return HeadSize{*key, *value};
    }

    // With multi-head latent attention the compressed K serves as V, too.
    bool compressed() const { return number("attention.key_length_mla").has_value(); }

private:
    const Gguf& gguf_;
    std::string prefix_;
};

}  // namespace

std::optional<KvType> parse_kv_type(std::string_view name) {
    if (name == "f16") return KvType::f16;
    if (name == "q8_0") return KvType::q8_0;
    if (name == "q4_0") return KvType::q4_0;
    return std::nullopt;
}

std::optional<KvCache> kv_cache(const Gguf& gguf, std::uint64_t context, KvType type) {
    const Architecture architecture(gguf);
    const auto layers = architecture.number("block_count");
    const auto head = architecture.head_size();
    if (context == 0) context = architecture.number("context_length").value_or(0);
    // A layer takes a tensor at least: more layers than tensors are a lie that would keep us here.
    if (!layers || *layers > gguf.tensors().size() || !head || context == 0) return std::nullopt;

    KvCache cache{.context = context};
    for (std::uint64_t layer = 0; layer < *layers; ++layer) {
        auto heads = architecture.number_of_layer("attention.head_count_kv", layer);
        if (!heads) heads = architecture.number_of_layer("attention.head_count", layer);
        if (!heads) return std::nullopt;
        if (*heads == 0) continue;  // a recurrent layer of a hybrid model
        const auto key_elements = checked::multiply(head->key, *heads);
        const auto value_elements = architecture.compressed() ? 0 : checked::multiply(head->value, *heads);
        const auto key = key_elements ? row_bytes(*key_elements, type) : std::nullopt;
        const auto value = value_elements ? row_bytes(*value_elements, type) : std::nullopt;
        const auto token = key && value ? checked::add(*key, *value) : std::nullopt;
        const auto bytes = token ? checked::multiply(*token, context) : std::nullopt;
        const auto sum = bytes ? checked::add(cache.bytes, *bytes) : std::nullopt;
        if (!sum) return std::nullopt;
        cache.bytes = *sum;
        ++cache.layers;
    }
    return cache;
}

}  // namespace ggufmap
