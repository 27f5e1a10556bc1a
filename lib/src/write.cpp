#include "ggufmap/write.hpp"

namespace ggufmap {
namespace {

template <typename T>
void append(std::string& out, T number) {
    out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void append_string(std::string& out, std::string_view text) {
    append(out, std::uint64_t{text.size()});
    out += text;
}

}  // namespace

HeaderWriter::HeaderWriter(std::uint32_t version) : version_(version) {}

void HeaderWriter::add(std::string_view key, ValueType type, Bytes content) {
    append_string(keys_, key);
    append(keys_, static_cast<std::uint32_t>(type));
    if (type == ValueType::string) {
        append_string(keys_, as_text(content));
    } else {
        keys_ += as_text(content);
    }
    ++key_count_;
}

void HeaderWriter::add(std::string_view key, std::string_view text) {
    add(key, ValueType::string, as_bytes(text));
}

void HeaderWriter::add(std::string_view key, std::span<const std::string_view> strings) {
    std::string elements;
    for (const std::string_view text : strings) append_string(elements, text);
    add_array(key, ValueType::string, strings.size(), as_bytes(elements));
}

void HeaderWriter::add_array(std::string_view key, ValueType element, std::uint64_t count, Bytes elements) {
    append_string(keys_, key);
    append(keys_, static_cast<std::uint32_t>(ValueType::array));
    append(keys_, static_cast<std::uint32_t>(element));
    append(keys_, count);
    keys_ += as_text(elements);
    ++key_count_;
}

void HeaderWriter::add_tensor(std::string_view name, std::span<const std::uint64_t> dimensions,
                              std::uint32_t type, std::uint64_t offset) {
    append_string(infos_, name);
    append(infos_, static_cast<std::uint32_t>(dimensions.size()));
    for (const std::uint64_t dimension : dimensions) append(infos_, dimension);
    append(infos_, type);
    append(infos_, offset);
    ++tensor_count_;
}

std::string HeaderWriter::bytes() const {
    std::string out = "GGUF";
    out.reserve(size());
    append(out, version_);
    append(out, tensor_count_);
    append(out, key_count_);
    return out + keys_ + infos_;
}

}  // namespace ggufmap
