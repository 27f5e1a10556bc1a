#include "ggufmap/gguf.hpp"

#include <algorithm>

namespace ggufmap {
namespace {

// Bytes that an element of `type` takes at the start of `rest`; the content was checked by parse().
std::size_t element_size(ValueType type, Bytes rest) {
    if (type == ValueType::string) return 8 + load_le<std::uint64_t>(rest.data());
    if (type != ValueType::array) return size_of(type);
    const auto inner = static_cast<ValueType>(load_le<std::uint32_t>(rest.data()));
    const auto count = load_le<std::uint64_t>(rest.data() + 4);
    std::size_t size = 12;
    if (const std::uint32_t fixed = size_of(inner); fixed != 0) return size + fixed * count;
    for (std::uint64_t i = 0; i < count; ++i) size += element_size(inner, rest.subspan(size));
    return size;
}

template <typename T>
T load(Bytes bytes) {
    return load_le<T>(bytes.data());
}

}  // namespace

std::optional<std::uint64_t> Value::as_unsigned() const {
    switch (type_) {
        case ValueType::uint64:
            return load<std::uint64_t>(bytes_);
        case ValueType::uint8:
        case ValueType::uint16:
        case ValueType::uint32:
        case ValueType::int8:
        case ValueType::int16:
        case ValueType::int32:
        case ValueType::int64:
        case ValueType::boolean: {
            const auto number = as_signed();
            if (!number || *number < 0) return std::nullopt;
            return static_cast<std::uint64_t>(*number);
        }
        default:
            return std::nullopt;
    }
}

std::optional<std::int64_t> Value::as_signed() const {
    switch (type_) {
        case ValueType::uint8:
            return load<std::uint8_t>(bytes_);
        case ValueType::int8:
            return load<std::int8_t>(bytes_);
        case ValueType::uint16:
            return load<std::uint16_t>(bytes_);
        case ValueType::int16:
            return load<std::int16_t>(bytes_);
        case ValueType::uint32:
            return load<std::uint32_t>(bytes_);
        case ValueType::int32:
            return load<std::int32_t>(bytes_);
        case ValueType::int64:
            return load<std::int64_t>(bytes_);
        case ValueType::boolean:
            return bytes_[0] != std::byte{0} ? 1 : 0;
        case ValueType::uint64: {
            const auto number = load<std::uint64_t>(bytes_);
            if (number > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
            return static_cast<std::int64_t>(number);
        }
        default:
            return std::nullopt;
    }
}

std::optional<double> Value::as_double() const {
    if (type_ == ValueType::float32) return load<float>(bytes_);
    if (type_ == ValueType::float64) return load<double>(bytes_);
    if (const auto number = as_signed()) return static_cast<double>(*number);
    if (const auto number = as_unsigned()) return static_cast<double>(*number);
    return std::nullopt;
}

std::optional<bool> Value::as_bool() const {
    if (type_ != ValueType::boolean) return std::nullopt;
    return bytes_[0] != std::byte{0};
}

std::optional<std::string_view> Value::as_string() const {
    if (type_ != ValueType::string) return std::nullopt;
    return as_text(bytes_);
}

std::optional<ArrayView> Value::as_array() const {
    if (type_ != ValueType::array) return std::nullopt;
    return ArrayView(bytes_);
}

ArrayView::ArrayView(Bytes bytes)
    : element_type_(static_cast<ValueType>(load<std::uint32_t>(bytes))),
      count_(load_le<std::uint64_t>(bytes.data() + 4)),
      elements_(bytes.subspan(12)) {}

Value ArrayView::iterator::operator*() const {
    const std::size_t size = element_size(type_, rest_);
    if (type_ == ValueType::string) return {type_, rest_.subspan(8, size - 8)};
    return {type_, rest_.first(size)};
}

ArrayView::iterator& ArrayView::iterator::operator++() {
    rest_ = rest_.subspan(element_size(type_, rest_));
    --remaining_;
    return *this;
}

ArrayView::iterator ArrayView::iterator::operator++(int) {
    iterator before = *this;
    ++*this;
    return before;
}

Value ArrayView::at(std::uint64_t index) const {
    if (const std::uint32_t size = size_of(element_type_); size != 0)
        return {element_type_, elements_.subspan(index * size, size)};
    iterator element = begin();
    for (std::uint64_t i = 0; i < index; ++i) ++element;
    return *element;
}

std::optional<Range> Gguf::range_of(const Tensor& tensor) const {
    if (!tensor.bytes) return std::nullopt;
    return Range{data_offset_ + tensor.offset, *tensor.bytes};
}

std::optional<std::uint64_t> Gguf::data_end() const {
    std::uint64_t end = header_size_;
    for (const Tensor& tensor : tensors_) {
        const auto range = range_of(tensor);
        if (!range) return std::nullopt;
        end = std::max(end, range->end());
    }
    return end;
}

const KeyValue* Gguf::find(std::string_view key) const {
    const auto index = key_index_.find(key, [this](std::uint32_t i) { return metadata_[i].key; });
    return index ? &metadata_[*index] : nullptr;
}

const Tensor* Gguf::find_tensor(std::string_view name) const {
    const auto index = tensor_index_.find(name, [this](std::uint32_t i) { return tensors_[i].name; });
    return index ? &tensors_[*index] : nullptr;
}

std::optional<std::uint64_t> Gguf::unsigned_of(std::string_view key) const {
    const KeyValue* entry = find(key);
    return entry ? entry->value.as_unsigned() : std::nullopt;
}

std::optional<double> Gguf::double_of(std::string_view key) const {
    const KeyValue* entry = find(key);
    return entry ? entry->value.as_double() : std::nullopt;
}

std::optional<bool> Gguf::bool_of(std::string_view key) const {
    const KeyValue* entry = find(key);
    return entry ? entry->value.as_bool() : std::nullopt;
}

std::optional<std::string_view> Gguf::string_of(std::string_view key) const {
    const KeyValue* entry = find(key);
    return entry ? entry->value.as_string() : std::nullopt;
}

std::optional<ArrayView> Gguf::array_of(std::string_view key) const {
    const KeyValue* entry = find(key);
    return entry ? entry->value.as_array() : std::nullopt;
}

std::string_view Gguf::architecture() const {
    const std::string_view name = string_of("general.architecture").value_or("");
    return name.size() <= Limits{}.key_bytes ? name : "";
}

}  // namespace ggufmap
