// Keys by themselves: how they are spelt, and whether their values are what their types promise.
#include <fmt/format.h>

#include <algorithm>

#include "detail/check_rules.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::detail {
namespace {

// gguf.md: lower_snake_case words joined by dots. Dashes stand in names of architectures ("command-r").
bool follows_naming_rule(std::string_view key) {
    const bool characters = std::all_of(key.begin(), key.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    });
    return characters && !key.starts_with('.') && !key.ends_with('.') &&
           key.find("..") == std::string_view::npos;
}

// What is wrong with `value` or an element of it, in words; nothing where all is well.
std::optional<std::string> fault_of(const Value& value) {
    if (const auto text = value.as_string(); text && !valid_utf8(*text)) return "the string is not UTF-8";
    if (value.type() == ValueType::boolean && std::to_integer<unsigned>(value.bytes()[0]) > 1)
        return fmt::format("the bool is {}, wanted 0 or 1", std::to_integer<unsigned>(value.bytes()[0]));
    const auto array = value.as_array();
    if (!array) return std::nullopt;
    const ValueType type = array->element_type();
    if (type != ValueType::string && type != ValueType::boolean && type != ValueType::array)
        return std::nullopt;
    std::uint64_t index = 0;
    for (const Value element : *array) {
        if (const auto fault = fault_of(element)) return fmt::format("element {}: {}", index, *fault);
        ++index;
    }
    return std::nullopt;
}

bool is_about_bool(std::string_view fault) { return fault.find("bool") != std::string_view::npos; }

}  // namespace

void check_keys(const Shard& shard, bool values, Findings& findings) {
    for (const KeyValue& entry : shard.gguf.metadata()) {
        const auto here = [&] {
            return Error::Where{shard.file.name(), key_place(entry.key), entry.where.offset};
        };
        if (!follows_naming_rule(entry.key))
            findings.warning("key-name", [&] {
                return Findings::Told{here(), "the key is not lower_snake_case words joined by dots"};
            });
        if (!values) continue;
        if (const auto fault = fault_of(entry.value))
            findings.warning(is_about_bool(*fault) ? "bool" : "utf8", [&] {
                return Findings::Told{here(), *fault};
            });
    }
    for (const Tensor& tensor : shard.gguf.tensors()) {
        if (valid_utf8(tensor.name)) continue;
        findings.warning("utf8", [&] {
            return Findings::Told{{shard.file.name(), tensor_place(tensor.name), tensor.where.offset},
                                  "the name is not UTF-8"};
        });
    }
}

}  // namespace ggufmap::detail
