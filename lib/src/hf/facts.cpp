#include "hf/facts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ggufmap/error.hpp"
#include "hf/tensor_types.hpp"

namespace ggufmap::hf {
namespace {

bool may_differ_by_layer(std::string_view key) {
    const auto& keys = Facts::layered_keys;
    return std::find(std::begin(keys), std::end(keys), key) != std::end(keys);
}

constexpr std::uint64_t longest_vector = 1 << 16;  // rope factors: one for each pair of a head's dimensions

}  // namespace

Facts::Facts(const Model& model)
    : model_(model),
      heads_(number("attention.head_count").value_or(1)),
      hidden_size_(number("embedding_length").value_or(0)) {
    if (heads_ == 0) heads_ = 1;
}

const KeyValue* Facts::entry(std::string_view key) const {
    return model_.head().find(fmt::format("{}.{}", architecture(), key));
}

void Facts::fail(const KeyValue& entry, const char* reason) const {
    throw Error(ErrorKind::malformed, {model_.name(), fmt::format("key '{}'", entry.key)}, reason);
}

std::optional<std::uint64_t> Facts::number(std::string_view key) const {
    const KeyValue* found = entry(key);
    if (!found) return std::nullopt;
    if (const auto single = found->value.as_unsigned()) return single;
    const auto array = found->value.as_array();
    if (!array || array->empty() || !may_differ_by_layer(key))
        fail(*found, "must be a number that is not negative");
    std::uint64_t largest = 0;
    for (const Value value : *array) {
        const auto element = value.as_unsigned();
        if (!element) fail(*found, "must hold numbers that are not negative");
        largest = std::max(largest, *element);
    }
    return largest;
}

std::optional<std::uint64_t> Facts::number_of_layer(std::string_view key, std::uint64_t layer) const {
    const KeyValue* found = entry(key);
    const auto array = found ? found->value.as_array() : std::nullopt;
    if (!array || layer >= array->size()) return number(key);
    return array->at(layer).as_unsigned();
}

std::optional<float> Facts::real(std::string_view key) const {
    const KeyValue* found = entry(key);
    if (!found) return std::nullopt;
    const auto value = found->value.as_double();
    if (!value || !std::isfinite(*value)) fail(*found, "must be a finite number");
    return static_cast<float>(*value);
}

std::optional<bool> Facts::flag(std::string_view key) const {
    const KeyValue* found = entry(key);
    if (!found) return std::nullopt;
    const auto value = found->value.as_bool();
    if (!value) fail(*found, "must be a bool");
    return value;
}

std::string_view Facts::text(std::string_view key) const {
    const KeyValue* found = entry(key);
    if (!found) return {};
    const auto value = found->value.as_string();
    if (!value) fail(*found, "must be a string");
    return *value;
}

bool Facts::has_tensor_like(std::string_view part) const {
    const auto& tensors = model_.tensors();
    return std::any_of(tensors.begin(), tensors.end(), [&](const ModelTensor& tensor) {
        return tensor.info->name.find(part) != std::string_view::npos;
    });
}

std::optional<std::uint64_t> Facts::rows(std::string_view name) const {
    const ModelTensor* found = tensor(name);
    if (!found || found->info->dimension_count < 2) return std::nullopt;
    return found->info->dimension[1];
}

std::vector<float> Facts::vector_of(std::string_view name) const {
    const ModelTensor* found = tensor(name);
    if (!found) return {};
    const Tensor& info = *found->info;
    if (info.type != f32 || info.elements() > longest_vector || !found->range)
        throw Error(ErrorKind::malformed, {model_.name(), fmt::format("tensor '{}'", info.name)},
                    "must be a short vector of F32");
    std::vector<float> values(info.elements());
    model_.shards()[found->shard].file.read_exactly(found->range->offset,
                                                    std::as_writable_bytes(std::span(values)));
    return values;
}

}  // namespace ggufmap::hf
