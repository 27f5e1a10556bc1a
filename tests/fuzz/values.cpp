// Iterating values: an array's elements come one by one as at() finds them, lie inside it one behind the
// other, and every accessor answers without looking beyond its value.
#include "ggufmap/error.hpp"
#include "ggufmap/gguf.hpp"
#include "ggufmap/source.hpp"
#include "memory_file.hpp"
#include "mutate.hpp"

using namespace ggufmap;

namespace {

constexpr std::uint64_t compared = 16;  // elements by at(), which walks to strings and arrays

void ask(const Value& value) {
    const auto number = value.as_unsigned();
    const auto signed_number = value.as_signed();
    if (number && signed_number) demand(static_cast<std::uint64_t>(*signed_number) == *number);
    if (number || signed_number) demand(value.as_double().has_value());
    demand(value.as_string().has_value() == (value.type() == ValueType::string));
    demand(value.as_bool().has_value() == (value.type() == ValueType::boolean));
    demand(value.as_array().has_value() == (value.type() == ValueType::array));
}

std::uint64_t walk(const Value& value) {
    ask(value);
    const auto array = value.as_array();
    if (!array) return 1;
    std::uint64_t index = 0;
    std::uint64_t leaves = 0;
    const std::byte* end = array->bytes().data();
    for (const Value element : *array) {
        demand(element.type() == array->element_type() && element.bytes().data() >= end);
        end = element.bytes().data() + element.bytes().size();
        demand(end <= array->bytes().data() + array->bytes().size());
        if (index < compared) demand(array->at(index).bytes().data() == element.bytes().data());
        ++index;
        leaves += walk(element);
    }
    demand(index == array->size());
    return leaves;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) try {
    MemorySource source(std::as_bytes(std::span(data, size)));
    const Gguf gguf = parse(source);
    for (const KeyValue& entry : gguf.metadata()) {
        walk(entry.value);
        demand(gguf.unsigned_of(entry.key) == entry.value.as_unsigned());
    }
    return 0;
} catch (const Error&) {
    return 0;
}
