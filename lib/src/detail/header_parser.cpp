// The one parser of GGUF headers.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "detail/advise_huge.hpp"
#include "detail/foreign.hpp"
#include "detail/header_reader.hpp"
#include "ggufmap/checked.hpp"
#include "ggufmap/gguf.hpp"

namespace ggufmap {
namespace detail {
namespace {

constexpr std::uint32_t gguf_magic = 0x46554747;  // "GGUF"
constexpr std::uint64_t least_key_value = 8 + 1 + 4 + 1;
constexpr std::uint64_t least_tensor_info = 8 + 4 + 4 + 8;
constexpr std::uint32_t max_dimensions = 4;  // GGML_MAX_DIMS
constexpr std::uint64_t i64_max = INT64_MAX;

}  // namespace

class HeaderParser {
public:
    HeaderParser(ByteSource& source, const Limits& limits)
        : source_(source), limits_(limits), in_(source, limits) {}
    Gguf run();

private:
    void read_preamble();
    void read_key_value();
    void skip_array(std::uint32_t depth);
    ValueType read_value_type(const char* field);
    void read_tensor();
    void read_alignment();
    void adopt_header();
    void check_names();
    void size_unknown_types();

    ByteSource& source_;
    const Limits& limits_;
    HeaderReader in_;
    Gguf out_;
    std::uint64_t tensor_count_ = 0;
    std::uint64_t key_count_ = 0;
};

Gguf HeaderParser::run() {
    read_preamble();
    for (std::uint64_t i = 0; i < key_count_; ++i) {
        in_.set_place("key", i + 1, key_count_);
        read_key_value();
    }
    for (std::uint64_t i = 0; i < tensor_count_; ++i) {
        in_.set_place("tensor", i + 1, tensor_count_);
        read_tensor();
    }
    adopt_header();
    check_names();
    read_alignment();
    size_unknown_types();
    return std::move(out_);
}

void HeaderParser::read_preamble() {
    const Bytes start = in_.peek_start(512);
    if (start.size() < 4 || load_le<std::uint32_t>(start.data()) != gguf_magic)
        throw Error(ErrorKind::unsupported, {source_.name()}, describe_foreign(start)).coded("not-gguf");
    in_.u32("magic");
    const std::uint32_t version = in_.u32("version");
    if (version != 0 && (version & 0xFFFF) == 0)
        in_.fail(ErrorKind::unsupported, 4,
                 "big-endian GGUF is not supported: convert the model for little-endian", "big-endian");
    if (version == 1)
        in_.fail(ErrorKind::unsupported, 4, "GGUF version 1 is not supported: convert the model again",
                 "version");
    if (version == 0 || version > 3)
        in_.fail(ErrorKind::unsupported, 4, fmt::format("GGUF version {} is unknown, wanted 2 or 3", version),
                 "version");
    out_.version_ = version;

    tensor_count_ = in_.u64("tensor count");
    key_count_ = in_.u64("key count");
    const auto limit = [&](std::uint64_t count, std::uint64_t most, std::uint64_t offset, const char* what) {
        if (count > i64_max)
            in_.fail(ErrorKind::malformed, offset, fmt::format("{} {} is negative", what, count));
        if (count > most)
            in_.fail(ErrorKind::limit, offset,
                     fmt::format("{} {} is over the limit of {}", what, count, most));
    };
    in_.expect(tensor_count_, least_tensor_info, "tensor count");
    in_.expect(key_count_, least_key_value, "key count");
    limit(tensor_count_, limits_.tensor_count, 8, "tensor count");
    limit(key_count_, limits_.key_count, 16, "key count");
    // Only where the file's size vouches for the count; untouched pages cost nothing.
    if (source_.size()) {
        out_.tensors_.reserve(tensor_count_);
        advise_huge(out_.tensors_);
    }
}

ValueType HeaderParser::read_value_type(const char* field) {
    const std::uint64_t at = in_.position();
    const std::uint32_t type = in_.u32(field);
    if (type >= value_type_count)
        in_.fail(ErrorKind::malformed, at, fmt::format("{} {} is unknown, wanted 0 to 12", field, type));
    return static_cast<ValueType>(type);
}

void HeaderParser::read_key_value() {
    const std::uint64_t start = in_.position();
    const std::string_view key = in_.string("key", limits_.key_bytes);
    if (key.empty()) in_.fail(ErrorKind::malformed, start, "the key is empty");
    in_.set_name(key);
    const ValueType type = read_value_type("value type");
    if (type == ValueType::string) {
        in_.string("string", limits_.string_bytes);
    } else if (type == ValueType::array) {
        skip_array(1);
    } else {
        in_.skip(size_of(type), "value");
    }
    out_.metadata_.push_back({{}, Value(type, {}), {start, in_.position() - start}});
}

void HeaderParser::skip_array(std::uint32_t depth) {
    const std::uint64_t start = in_.position();
    if (depth > limits_.nesting)
        in_.fail(ErrorKind::limit, start, fmt::format("arrays are nested deeper than {}", limits_.nesting));
    const ValueType type = read_value_type("array element type");
    const std::uint64_t count = in_.u64("array count");
    if (count > limits_.array_count)
        in_.fail(ErrorKind::limit, start + 4,
                 fmt::format("array count {} is over the limit of {}", count, limits_.array_count));
    const std::uint32_t fixed = size_of(type);
    in_.expect(count, fixed != 0 ? fixed : type == ValueType::string ? 8 : 12, "array count");
    if (fixed != 0) return in_.skip(count * fixed, "array");
    for (std::uint64_t i = 0; i < count; ++i) {
        if (type == ValueType::string) {
            in_.string("array string", limits_.string_bytes);
        } else {
            skip_array(depth + 1);
        }
    }
}

void HeaderParser::read_tensor() {
    Tensor tensor;
    const std::uint64_t start = in_.position();
    const std::string_view name = in_.string("tensor name", limits_.tensor_name_bytes);
    in_.set_name(name);
    tensor.dimension_count = in_.u32("dimension count");
    if (tensor.dimension_count > max_dimensions)
        in_.fail(ErrorKind::malformed, in_.position() - 4,
                 fmt::format("{} dimensions, wanted at most {}", tensor.dimension_count, max_dimensions));
    tensor.dimension.fill(1);
    const std::uint64_t dimensions_at = in_.position();
    for (std::uint32_t d = 0; d < tensor.dimension_count; ++d) tensor.dimension[d] = in_.u64("dimension");
    const auto dimensions = tensor.dimensions();
    if (std::any_of(dimensions.begin(), dimensions.end(), [](std::uint64_t n) { return n > i64_max; }))
        in_.fail(ErrorKind::malformed, dimensions_at, "a dimension is negative");
    if (!element_count(dimensions))
        in_.fail(ErrorKind::malformed, dimensions_at,
                 fmt::format("the dimensions [{}] multiply to more than 2^63", fmt::join(dimensions, ", ")));

    const std::uint64_t type_at = in_.position();
    tensor.type = in_.u32("tensor type");
    const TensorType* type = find_tensor_type(tensor.type);
    if (type != nullptr && type->status == TypeStatus::removed)
        in_.fail(ErrorKind::unsupported, type_at,
                 fmt::format("tensor type {} ({}) was removed from ggml: quantize the model again", type->id,
                             type->name),
                 "removed-type");
    if (type != nullptr) {
        if (tensor.dimension[0] % type->block_elements != 0)
            in_.fail(ErrorKind::malformed, dimensions_at,
                     fmt::format("first dimension {} is no multiple of the {} elements of a {} block",
                                 tensor.dimension[0], type->block_elements, type->name));
        tensor.bytes = tensor_bytes(*type, dimensions);
        if (!tensor.bytes || *tensor.bytes > i64_max)
            in_.fail(
                ErrorKind::malformed, dimensions_at,
                fmt::format("the dimensions [{}] take more than 2^63 bytes", fmt::join(dimensions, ", ")));
    }

    tensor.offset = in_.u64("tensor offset");
    const auto end = checked::add(tensor.offset, tensor.bytes.value_or(0));
    // Room for the header, so that absolute offsets do not wrap either.
    if (!end || *end > i64_max - limits_.header_bytes - limits_.alignment)
        in_.fail(ErrorKind::malformed, in_.position() - 8,
                 fmt::format("tensor offset {} is over 2^63", tensor.offset));
    tensor.where = {start, in_.position() - start};
    out_.tensors_.push_back(tensor);
}

// The buffer no longer moves: names and values become views into it.
void HeaderParser::adopt_header() {
    out_.header_size_ = in_.position();
    out_.header_ = in_.release();
    const Bytes header = out_.header();
    const auto string_at = [&](std::uint64_t offset) {
        const auto size = load_le<std::uint64_t>(header.data() + offset);
        return as_text(header.subspan(offset + 8, size));
    };
    for (KeyValue& entry : out_.metadata_) {
        entry.key = string_at(entry.where.offset);
        const ValueType type = entry.value.type();
        const std::uint64_t prefix = 8 + entry.key.size() + 4 + (type == ValueType::string ? 8 : 0);
        entry.value = Value(type, header.subspan(entry.where.offset + prefix, entry.where.size - prefix));
    }
    for (Tensor& tensor : out_.tensors_) tensor.name = string_at(tensor.where.offset);
}

void HeaderParser::check_names() {
    const auto key_of = [this](std::uint32_t i) { return out_.metadata_[i].key; };
    const auto name_of = [this](std::uint32_t i) { return out_.tensors_[i].name; };
    out_.key_index_ = NameIndex(static_cast<std::uint32_t>(out_.metadata_.size()), key_of);
    out_.tensor_index_ = NameIndex(static_cast<std::uint32_t>(out_.tensors_.size()), name_of);
    const auto fail = [this](const std::string& place, Range where, std::string_view code) {
        throw Error(ErrorKind::malformed, {source_.name(), place, where.offset}, "the name occurs twice")
            .coded(code);
    };
    if (const auto twice = out_.key_index_.duplicate(key_of))
        fail(fmt::format("key '{}'", key_of(*twice)), out_.metadata_[*twice].where, "duplicate-key");
    if (const auto twice = out_.tensor_index_.duplicate(name_of))
        fail(fmt::format("tensor '{}'", name_of(*twice)), out_.tensors_[*twice].where, "duplicate-tensor");
}

void HeaderParser::read_alignment() {
    if (const KeyValue* entry = out_.find("general.alignment")) {
        const auto fail = [&](ErrorKind kind, const std::string& reason) {
            throw Error(kind, {source_.name(), "key 'general.alignment'", entry->where.offset}, reason)
                .coded("alignment");
        };
        if (entry->value.type() != ValueType::uint32)
            fail(ErrorKind::malformed,
                 fmt::format("is of type {}, wanted uint32", name_of(entry->value.type())));
        out_.alignment_ = *entry->value.as_unsigned();
        if (out_.alignment_ == 0 || (out_.alignment_ & (out_.alignment_ - 1)) != 0)
            fail(ErrorKind::malformed, fmt::format("{} is no power of two", out_.alignment_));
        if (out_.alignment_ > limits_.alignment)
            fail(ErrorKind::limit,
                 fmt::format("{} is over the limit of {}", out_.alignment_, limits_.alignment));
    }
    out_.data_offset_ = *checked::align_up(out_.header_size_, out_.alignment_);
    for (const Tensor& tensor : out_.tensors_) {
        if (tensor.offset % out_.alignment_ == 0) continue;
        throw Error(ErrorKind::malformed,
                    {source_.name(), fmt::format("tensor '{}'", tensor.name), tensor.where.end() - 8},
                    fmt::format("tensor offset {} is no multiple of the alignment {}", tensor.offset,
                                out_.alignment_))
            .coded("misaligned");
    }
}

void HeaderParser::size_unknown_types() {
    auto& tensors = out_.tensors_;
    if (std::all_of(tensors.begin(), tensors.end(), [](const Tensor& t) { return t.bytes.has_value(); }))
        return;
    std::vector<std::uint64_t> offsets(tensors.size());
    std::transform(tensors.begin(), tensors.end(), offsets.begin(), [](const Tensor& t) { return t.offset; });
    std::sort(offsets.begin(), offsets.end());
    const auto file_size = source_.size();
    for (Tensor& tensor : tensors) {
        if (tensor.bytes) continue;
        const auto next = std::upper_bound(offsets.begin(), offsets.end(), tensor.offset);
        if (next != offsets.end()) {
            tensor.bytes = *next - tensor.offset;
        } else if (file_size && *file_size >= out_.data_offset_ + tensor.offset) {
            tensor.bytes = *file_size - out_.data_offset_ - tensor.offset;
        }
    }
}

}  // namespace detail

Gguf parse(ByteSource& source, const Limits& limits) { return detail::HeaderParser(source, limits).run(); }

}  // namespace ggufmap
