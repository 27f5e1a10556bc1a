// A GGUF header: metadata and tensor infos, parsed once from any ByteSource and checked against every rule of
// the format while it is read. Source of the rules: ggml's docs/gguf.md and gguf.cpp (August 2026).
#pragma once

#include <array>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ggufmap/bytes.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/name_index.hpp"
#include "ggufmap/source.hpp"
#include "ggufmap/types.hpp"

namespace ggufmap {

namespace detail {
class HeaderParser;
}

/// Upper bounds that keep a hostile file from costing more than its size. A file over one is Error (limit).
struct Limits {
    std::uint64_t header_bytes = 256ULL << 20;  ///< real headers reach about 30 MB
    std::uint64_t string_bytes = 1ULL << 30;    ///< as in gguf.cpp
    std::uint64_t array_count = 1ULL << 30;     ///< as in gguf.cpp
    std::uint64_t key_bytes = 65535;            ///< gguf.md
    std::uint64_t tensor_name_bytes = 63;       ///< GGML_MAX_NAME less its NUL
    std::uint64_t key_count = 65536;
    std::uint64_t tensor_count = 500'000;
    std::uint64_t alignment = 1ULL << 20;
    std::uint32_t nesting = 16;  ///< arrays inside arrays
};

class ArrayView;

/// A metadata value: a view into the header it was read from, valid as long as that Gguf lives.
class GGUFMAP_API Value {
public:
    /// `bytes` is the value's content: for a string its characters, for an array element type, count and
    /// elements.
    Value(ValueType type, Bytes bytes) : type_(type), bytes_(bytes) {}

    ValueType type() const { return type_; }
    Bytes bytes() const { return bytes_; }

    /// The number, where the type is an integer or bool and its value fits; nothing otherwise.
    std::optional<std::uint64_t> as_unsigned() const;
    std::optional<std::int64_t> as_signed() const;
    /// Any number or bool, rounded where a double cannot hold it.
    std::optional<double> as_double() const;
    /// Only of type bool; any byte but 0 is true, as in gguf.cpp.
    std::optional<bool> as_bool() const;
    /// Raw bytes: the format says UTF-8, files say otherwise.
    std::optional<std::string_view> as_string() const;
    std::optional<ArrayView> as_array() const;

private:
    ValueType type_;
    Bytes bytes_;
};

/// The elements of an array value, read one by one as they are asked for: 256k strings cost nothing until
/// then.
class GGUFMAP_API ArrayView {
public:
    /// `bytes` starts at the element type. Only for content that parse() has checked.
    explicit ArrayView(Bytes bytes);

    ValueType element_type() const { return element_type_; }
    std::uint64_t size() const { return count_; }
    bool empty() const { return count_ == 0; }
    /// All elements as they stand in the file.
    Bytes bytes() const { return elements_; }

    class GGUFMAP_API iterator {
    public:
        using value_type = Value;
        using difference_type = std::ptrdiff_t;
        using iterator_category = std::input_iterator_tag;
        using reference = Value;
        using pointer = void;

        iterator() = default;
        Value operator*() const;
        iterator& operator++();
        iterator operator++(int);
        bool operator==(const iterator& other) const { return remaining_ == other.remaining_; }

    private:
        friend class ArrayView;
        iterator(ValueType type, Bytes rest, std::uint64_t remaining)
            : type_(type), rest_(rest), remaining_(remaining) {}
        ValueType type_ = ValueType::uint8;
        Bytes rest_;
        std::uint64_t remaining_ = 0;
    };
    iterator begin() const { return {element_type_, elements_, count_}; }
    iterator end() const { return {element_type_, {}, 0}; }
    /// Element `index` of a fixed-size type in constant time, of strings and arrays by walking there; index <
    /// size().
    Value at(std::uint64_t index) const;

private:
    ValueType element_type_;
    std::uint64_t count_;
    Bytes elements_;
};

struct KeyValue {
    std::string_view key;
    Value value;
    Range where;  ///< in the header, from the key's length to the value's last byte
};

struct Tensor {
    std::string_view name;
    std::uint32_t type = 0;  ///< id; find_tensor_type() may not know it
    std::uint32_t dimension_count = 0;
    std::array<std::uint64_t, 4> dimension{};  ///< ne0 (the fastest varying) first; unused ones are 1
    std::uint64_t offset = 0;                  ///< from the start of the data, as the file has it
    /// Of an unknown type: up to the next tensor, or to the end of the file. Nothing where neither tells.
    std::optional<std::uint64_t> bytes;
    Range where;  ///< of the info in the header

    std::span<const std::uint64_t> dimensions() const { return {dimension.data(), dimension_count}; }
    /// Product of the dimensions; fits, as parse() has checked.
    std::uint64_t elements() const { return dimension[0] * dimension[1] * dimension[2] * dimension[3]; }
};

/// A parsed header. Move-only; every view handed out stays valid while it lives, also after a move.
class GGUFMAP_API Gguf {
public:
    std::uint32_t version() const { return version_; }
    std::uint64_t alignment() const { return alignment_; }
    const std::vector<KeyValue>& metadata() const { return metadata_; }
    /// In the order of the infos.
    const std::vector<Tensor>& tensors() const { return tensors_; }
    /// The header's bytes as read, from the magic to the end of the last tensor info (no padding).
    Bytes header() const { return {header_.get(), header_size_}; }
    /// Where tensor data starts: the header's size rounded up to the alignment.
    std::uint64_t data_offset() const { return data_offset_; }
    /// Where a tensor lies in the file; nothing where its size is unknown.
    std::optional<Range> range_of(const Tensor& tensor) const;
    /// The end of the last tensor, or of the header where there is none; nothing where a size is unknown.
    std::optional<std::uint64_t> data_end() const;

    const KeyValue* find(std::string_view key) const;
    const Tensor* find_tensor(std::string_view name) const;

    /// Typed look-ups: nothing where the key is absent or its value is of another kind.
    std::optional<std::uint64_t> unsigned_of(std::string_view key) const;
    std::optional<double> double_of(std::string_view key) const;
    std::optional<bool> bool_of(std::string_view key) const;
    std::optional<std::string_view> string_of(std::string_view key) const;
    std::optional<ArrayView> array_of(std::string_view key) const;
    /// general.architecture, or "" where it is absent or too long for any key to begin with it.
    std::string_view architecture() const;

private:
    friend class detail::HeaderParser;

    std::shared_ptr<const std::byte> header_;
    std::size_t header_size_ = 0;
    std::uint32_t version_ = 0;
    std::uint64_t alignment_ = 32;
    std::uint64_t data_offset_ = 0;
    std::vector<KeyValue> metadata_;
    std::vector<Tensor> tensors_;
    NameIndex key_index_;
    NameIndex tensor_index_;
};

/// Reads exactly one header, in time and memory linear in its size, whatever it claims. Keys and tensor names
/// are unique in the result; tensor sizes and offsets do not wrap, but may lie beyond the end of the file (a
/// header can be read before its data is there): see check.hpp and Model. Throws Error: malformed (breaks the
/// format, or ends too early), unsupported (version 1, big-endian, removed tensor types, other kinds of
/// file), limit, io.
GGUFMAP_API Gguf parse(ByteSource& source, const Limits& limits = {});

}  // namespace ggufmap
