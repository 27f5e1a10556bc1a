// Headers, byte for byte as llama.cpp writes them: keys in the order given, then tensor infos.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "ggufmap/bytes.hpp"
#include "ggufmap/checked.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/gguf.hpp"

namespace ggufmap {

/// The metadata type that holds a T.
template <typename T>
consteval ValueType value_type_of() {
    if constexpr (std::is_same_v<T, bool>) return ValueType::boolean;
    if constexpr (std::is_same_v<T, std::uint8_t>) return ValueType::uint8;
    if constexpr (std::is_same_v<T, std::int8_t>) return ValueType::int8;
    if constexpr (std::is_same_v<T, std::uint16_t>) return ValueType::uint16;
    if constexpr (std::is_same_v<T, std::int16_t>) return ValueType::int16;
    if constexpr (std::is_same_v<T, std::uint32_t>) return ValueType::uint32;
    if constexpr (std::is_same_v<T, std::int32_t>) return ValueType::int32;
    if constexpr (std::is_same_v<T, std::uint64_t>) return ValueType::uint64;
    if constexpr (std::is_same_v<T, std::int64_t>) return ValueType::int64;
    if constexpr (std::is_same_v<T, float>) return ValueType::float32;
    if constexpr (std::is_same_v<T, double>) return ValueType::float64;
}

/// Collects keys and tensors and gives the header's bytes. Does not check for duplicate names.
class GGUFMAP_API HeaderWriter {
public:
    /// GGUF version 2 or 3; both are written alike.
    explicit HeaderWriter(std::uint32_t version = 3);

    /// A number or bool; the type in the file is the argument's own.
    template <typename T>
    requires std::is_arithmetic_v<T>
    void add(std::string_view key, T value) {
        add(key, value_type_of<T>(), as_bytes({reinterpret_cast<const char*>(&value), sizeof value}));
    }
    void add(std::string_view key, std::string_view text);
    void add(std::string_view key, std::span<const std::string_view> strings);
    template <typename T>
    requires std::is_arithmetic_v<T>
    void add(std::string_view key, std::span<const T> numbers) {
        add_array(key, value_type_of<T>(), numbers.size(), std::as_bytes(numbers));
    }
    /// A value as it was read, nested arrays included.
    void add(std::string_view key, const Value& value) { add(key, value.type(), value.bytes()); }

    /// At `offset` from the start of the data. n_dims is written as given.
    void add_tensor(std::string_view name, std::span<const std::uint64_t> dimensions, std::uint32_t type,
                    std::uint64_t offset);

    /// Magic, counts, keys, infos; no padding behind.
    std::string bytes() const;
    /// bytes().size() without building them.
    std::uint64_t size() const { return preamble_size + keys_.size() + infos_.size(); }

    /// Bytes of magic, version and the two counts.
    static constexpr std::uint64_t preamble_size = 24;

private:
    void add(std::string_view key, ValueType type, Bytes content);
    void add_array(std::string_view key, ValueType element, std::uint64_t count, Bytes elements);

    std::uint32_t version_;
    std::uint64_t key_count_ = 0;
    std::uint64_t tensor_count_ = 0;
    std::string keys_;
    std::string infos_;
};

}  // namespace ggufmap
