// Structure-aware mutation: changes a field of a GGUF header and leaves the rest well-formed, so that fuzzing
// reaches what lies behind the parser.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ggufmap/error.hpp"
#include "ggufmap/gguf.hpp"
#include "ggufmap/source.hpp"
#include "support/random_model.hpp"

namespace ggufmap::fuzz {

/// Where counts stand in a header: behind magic and version.
constexpr std::size_t tensor_count_at = 8;
constexpr std::size_t key_count_at = 16;

struct Field {
    std::size_t at;
    std::size_t width;  ///< bytes
};

struct Parts {
    std::vector<Field> fields;
    std::vector<Range> keys;
    std::vector<Range> tensors;
    std::size_t header = 0;
    std::size_t data = 0;
};

inline std::size_t width_of(ValueType type) {
    switch (type) {
        case ValueType::uint8:
        case ValueType::int8:
        case ValueType::boolean:
            return 1;
        case ValueType::uint16:
        case ValueType::int16:
            return 2;
        case ValueType::uint64:
        case ValueType::int64:
        case ValueType::float64:
            return 8;
        default:
            return 4;
    }
}

inline void add_key(Parts& parts, const KeyValue& entry) {
    const std::size_t key_length_at = entry.where.offset;
    const std::size_t type_at = key_length_at + 8 + entry.key.size();
    const std::size_t value_at = type_at + 4;
    parts.keys.push_back(entry.where);
    parts.fields.push_back({type_at, 4});
    if (entry.value.type() == ValueType::array) {
        const ArrayView array = *entry.value.as_array();
        parts.fields.push_back({value_at, 4});      // element type
        parts.fields.push_back({value_at + 4, 8});  // count
        if (!array.empty()) parts.fields.push_back({value_at + 12, width_of(array.element_type())});
    } else {
        parts.fields.push_back(
            {value_at, entry.value.type() == ValueType::string ? 8 : width_of(entry.value.type())});
    }
}

inline void add_tensor(Parts& parts, const Tensor& tensor) {
    std::size_t at = tensor.where.offset + 8 + tensor.name.size();
    parts.tensors.push_back(tensor.where);
    parts.fields.push_back({at, 4});
    at += 4;
    for (std::uint32_t i = 0; i < tensor.dimension_count; ++i, at += 8) parts.fields.push_back({at, 8});
    parts.fields.push_back({at, 4});      // type
    parts.fields.push_back({at + 4, 8});  // offset
}

inline Parts parts_of(std::string_view bytes) {
    MemorySource source(std::as_bytes(std::span(bytes)));
    const Gguf gguf = parse(source);
    Parts parts;
    parts.header = gguf.header().size();
    parts.data = std::min<std::size_t>(gguf.data_offset(), bytes.size());
    parts.fields = {{tensor_count_at, 8}, {key_count_at, 8}};
    for (const KeyValue& entry : gguf.metadata()) add_key(parts, entry);
    for (const Tensor& tensor : gguf.tensors()) add_tensor(parts, tensor);
    return parts;
}

inline std::uint64_t load(const std::string& bytes, Field field) {
    std::uint64_t number = 0;
    std::memcpy(&number, bytes.data() + field.at, field.width);
    return number;
}

inline void store(std::string& bytes, Field field, std::uint64_t number) {
    std::memcpy(bytes.data() + field.at, &number, field.width);
}

inline std::uint64_t odd_number(std::uint64_t old, std::uint64_t file, std::mt19937_64& random) {
    const std::array<std::uint64_t, 16> numbers = {
        0,       1,       ~0ULL,    1ULL << 63, 1ULL << 32, 0x7FFFFFFF, old + 1,       old - 1,
        old * 2, old / 2, old + 32, file,       file + 1,   file - 1,   random() % 64, random()};
    return numbers[random() % numbers.size()];
}

/// A record is doubled, left out, or moved to another's place; counts follow.
inline std::string rearranged(const std::string& bytes, const Parts& parts, std::mt19937_64& random) {
    const bool key = parts.tensors.empty() || (!parts.keys.empty() && random() % 2 == 0);
    const auto& records = key ? parts.keys : parts.tensors;
    if (records.empty()) return bytes;
    const Range one = records[random() % records.size()];
    const Range other = records[random() % records.size()];
    const std::string text = bytes.substr(one.offset, one.size);
    std::string header = bytes.substr(0, parts.header);
    const Field count{key ? key_count_at : tensor_count_at, 8};
    const std::uint64_t records_now = load(bytes, count);
    switch (random() % 3) {
        case 0:
            header.insert(other.offset, text);
            store(header, count, records_now + 1);
            break;
        case 1:
            header.erase(one.offset, one.size);
            store(header, count, records_now - 1);
            break;
        default:
            header.erase(one.offset, one.size);
            header.insert(other.offset > one.offset ? other.offset - one.size : other.offset, text);
    }
    header.resize((header.size() + 31) / 32 * 32);
    return header + bytes.substr(parts.data);
}

/// `bytes` with one to three changes: a number of a key, a tensor's type, dimension or offset, a count, a
/// length, a key's type; or a key or tensor doubled, left out or moved. Bytes that do not parse get a small
/// model's header.
inline std::string mutate_gguf(std::string_view bytes, std::mt19937_64& random) {
    std::string result(bytes);
    for (std::uint64_t changes = 1 + random() % 3; changes > 0; --changes) try {
            const Parts parts = parts_of(result);
            if (random() % 4 == 0) {
                result = rearranged(result, parts, random);
                continue;
            }
            const Field field = parts.fields[random() % parts.fields.size()];
            store(result, field, odd_number(load(result, field), result.size(), random));
        } catch (const Error&) {
            if (result != bytes) return result;  // an earlier change has broken it: that is a case, too
            result = test::random_model(random, 4).bytes;
        }
    return result;
}

}  // namespace ggufmap::fuzz
