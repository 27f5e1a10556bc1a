#include "ggufmap/hf/node.hpp"

#include <algorithm>

namespace ggufmap::hf {
namespace {

struct Writer {
    JsonWriter& json;
    JsonWriter::Layout layout;

    void operator()(std::nullptr_t) const { json.null(); }
    void operator()(bool flag) const { json.boolean(flag); }
    void operator()(std::uint64_t number) const { json.number(number); }
    void operator()(float number) const { json.real(number); }
    void operator()(double number) const { json.real(number); }
    void operator()(const std::string& text) const { json.string(text); }
    void operator()(const Array& elements) const {
        json.begin_array(std::max(layout, JsonWriter::Layout::inline_));
        for (const Node& element : elements) std::visit(*this, element.value);
        json.end_array();
    }
    void operator()(const Object& members) const {
        json.begin_object(layout);
        for (const auto& [key, node] : members) {
            json.key(key);
            std::visit(*this, node.value);
        }
        json.end_object();
    }
};

template <typename Members>
auto position(Members& members, std::string_view key) {
    return std::find_if(members.begin(), members.end(),
                        [&](const auto& member) { return member.first == key; });
}

}  // namespace

void set(Object& object, std::string_view key, Node value) {
    const auto at = position(object, key);
    if (at == object.end()) {
        object.emplace_back(key, std::move(value));
    } else {
        at->second = std::move(value);
    }
}

const Node* find(const Object& object, std::string_view key) {
    const auto at = position(object, key);
    return at == object.end() ? nullptr : &at->second;
}

void write(JsonWriter& json, const Node& node, JsonWriter::Layout layout) {
    std::visit(Writer{json, layout}, node.value);
}

}  // namespace ggufmap::hf
