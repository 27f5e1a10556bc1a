// Small JSON as a value: what configuration files are put together from before they are written.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ggufmap/export.hpp"
#include "ggufmap/json.hpp"

namespace ggufmap::hf {

struct Node;
/// Members in the order in which they will be written.
using Object = std::vector<std::pair<std::string, Node>>;
using Array = std::vector<Node>;

struct Node {
    std::variant<std::nullptr_t, bool, std::uint64_t, float, double, std::string, Array, Object> value;

    Node(std::nullptr_t = nullptr) : value(nullptr) {}
    Node(bool flag) : value(flag) {}
    Node(std::unsigned_integral auto number) : value(std::uint64_t{number}) {}
    /// Non-negative.
    Node(int number) : value(static_cast<std::uint64_t>(number)) {}
    /// Shortest decimal of this float: 1e-05, not 9.99999974e-06.
    Node(float number) : value(number) {}
    Node(double number) : value(number) {}
    Node(std::string text) : value(std::move(text)) {}
    Node(std::string_view text) : value(std::string(text)) {}
    Node(const char* text) : value(std::string(text)) {}
    Node(Array elements) : value(std::move(elements)) {}
    Node(Object members) : value(std::move(members)) {}

    bool operator==(const Node&) const = default;
};

/// Replaces the member `key`, or appends it.
GGUFMAP_API void set(Object& object, std::string_view key, Node value);
/// Null where there is none.
GGUFMAP_API const Node* find(const Object& object, std::string_view key);

/// Objects in the layout given, arrays on one line.
GGUFMAP_API void write(JsonWriter& json, const Node& node,
                       JsonWriter::Layout layout = JsonWriter::Layout::lines);

}  // namespace ggufmap::hf
