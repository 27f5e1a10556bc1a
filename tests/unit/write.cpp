#include "ggufmap/write.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "ggufmap/file.hpp"
#include "support/shared_files.hpp"

using namespace ggufmap;

namespace {

template <typename T>
T number(const Value& value) {
    return load_le<T>(value.bytes().data());
}

template <typename T>
void add_numbers(HeaderWriter& out, std::string_view key, const ArrayView& array) {
    std::vector<T> numbers;
    for (const Value element : array) numbers.push_back(number<T>(element));
    out.add(key, std::span<const T>(numbers));
}

// Decodes to C++ values and encodes again, so that nothing is copied as it stood.
void add_decoded(HeaderWriter& out, const KeyValue& entry) {
    const Value& value = entry.value;
    switch (value.type()) {
        case ValueType::uint8:
            return out.add(entry.key, number<std::uint8_t>(value));
        case ValueType::int8:
            return out.add(entry.key, number<std::int8_t>(value));
        case ValueType::uint16:
            return out.add(entry.key, number<std::uint16_t>(value));
        case ValueType::int16:
            return out.add(entry.key, number<std::int16_t>(value));
        case ValueType::uint32:
            return out.add(entry.key, number<std::uint32_t>(value));
        case ValueType::int32:
            return out.add(entry.key, number<std::int32_t>(value));
        case ValueType::uint64:
            return out.add(entry.key, number<std::uint64_t>(value));
        case ValueType::int64:
            return out.add(entry.key, number<std::int64_t>(value));
        case ValueType::float32:
            return out.add(entry.key, number<float>(value));
        case ValueType::float64:
            return out.add(entry.key, number<double>(value));
        case ValueType::boolean:
            return out.add(entry.key, *value.as_bool());
        case ValueType::string:
            return out.add(entry.key, *value.as_string());
        case ValueType::array:
            break;
    }
    const ArrayView array = *value.as_array();
    if (array.element_type() == ValueType::string) {
        std::vector<std::string_view> strings;
        for (const Value element : array) strings.push_back(*element.as_string());
        return out.add(entry.key, std::span<const std::string_view>(strings));
    }
    if (array.element_type() == ValueType::float32) return add_numbers<float>(out, entry.key, array);
    if (array.element_type() == ValueType::int32) return add_numbers<std::int32_t>(out, entry.key, array);
    if (array.element_type() == ValueType::uint32) return add_numbers<std::uint32_t>(out, entry.key, array);
    out.add(entry.key, value);
}

}  // namespace

TEST_CASE("headers of real files, decoded and written again, are the same bytes") {
    for (const std::string& path : test::shared_models()) {
        CAPTURE(path);
        const File file = File::open(path);
        FileSource source(file);
        const Gguf gguf = parse(source);
        HeaderWriter out(gguf.version());
        for (const KeyValue& entry : gguf.metadata()) add_decoded(out, entry);
        for (const Tensor& t : gguf.tensors()) out.add_tensor(t.name, t.dimensions(), t.type, t.offset);
        CHECK(out.size() == gguf.header().size());
        CHECK((out.bytes() == as_text(gguf.header())));
    }
}

TEST_CASE("what is written reads back") {
    HeaderWriter out;
    out.add("text", "caf\u00e9");
    out.add("yes", true);
    out.add("small", std::uint16_t{7});
    out.add("big", std::uint64_t{1} << 63);
    out.add("pi", 3.5F);
    const std::vector<std::string_view> words = {"a", "", "bc"};
    out.add("words", std::span<const std::string_view>(words));
    const std::vector<std::int32_t> numbers = {-1, 2};
    out.add("numbers", std::span<const std::int32_t>(numbers));
    const std::vector<std::uint64_t> dimensions = {32, 3};
    out.add_tensor("t", dimensions, 8, 0);
    const std::string bytes = out.bytes();
    MemorySource source(as_bytes(bytes));
    const Gguf gguf = parse(source);
    CHECK(gguf.string_of("text") == "caf\u00e9");
    CHECK(gguf.bool_of("yes") == true);
    CHECK(gguf.find("small")->value.type() == ValueType::uint16);
    CHECK(gguf.unsigned_of("big") == std::uint64_t{1} << 63);
    CHECK(gguf.double_of("pi") == 3.5);
    CHECK(gguf.array_of("words")->at(2).as_string() == "bc");
    CHECK(gguf.array_of("numbers")->at(0).as_signed() == -1);
    CHECK(gguf.find_tensor("t")->bytes == 102);
}
