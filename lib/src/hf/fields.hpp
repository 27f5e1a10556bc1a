// The vocabulary in which architecture.cpp is written: one maker for each source of a value.
#pragma once

#include "hf/architecture.hpp"

namespace ggufmap::hf::fields {

constexpr Field number(std::string_view key, std::string_view source) {
    return {key,
            [](const Facts& facts, const Field& field) -> std::optional<Node> {
                const auto value = facts.number(field.source);
                return value ? std::optional<Node>(*value) : std::nullopt;
            },
            source};
}

constexpr Field real(std::string_view key, std::string_view source) {
    return {key,
            [](const Facts& facts, const Field& field) -> std::optional<Node> {
                const auto value = facts.real(field.source);
                return value ? std::optional<Node>(*value) : std::nullopt;
            },
            source};
}

constexpr Field flag(std::string_view key, std::string_view source) {
    return {key,
            [](const Facts& facts, const Field& field) -> std::optional<Node> {
                const auto value = facts.flag(field.source);
                return value ? std::optional<Node>(*value) : std::nullopt;
            },
            source};
}

/// The second dimension of a tensor.
constexpr Field rows(std::string_view key, std::string_view tensor) {
    return {key,
            [](const Facts& facts, const Field& field) -> std::optional<Node> {
                const auto value = facts.rows(field.source);
                return value ? std::optional<Node>(*value) : std::nullopt;
            },
            tensor};
}

/// True where some tensor's name has `part` in it, false where none has.
constexpr Field present(std::string_view key, std::string_view part) {
    return {key,
            [](const Facts& facts, const Field& field) -> std::optional<Node> {
                return Node(facts.has_tensor_like(field.source));
            },
            part};
}

constexpr Field word(std::string_view key, std::string_view text) {
    return {key, [](const Facts&, const Field& field) -> std::optional<Node> { return Node(field.source); },
            text};
}

constexpr Field yes(std::string_view key) {
    return {key, [](const Facts&, const Field&) -> std::optional<Node> { return Node(true); }};
}

constexpr Field no(std::string_view key) {
    return {key, [](const Facts&, const Field&) -> std::optional<Node> { return Node(false); }};
}

constexpr Field null(std::string_view key) {
    return {key, [](const Facts&, const Field&) -> std::optional<Node> { return Node(); }};
}

constexpr Field whole(std::string_view key, std::uint64_t constant) {
    return {key,
            [](const Facts&, const Field& field) -> std::optional<Node> { return Node(field.constant); },
            {},
            constant};
}

constexpr Field derived(std::string_view key, Field::Derivation derivation) {
    return {key,
            [](const Facts& facts, const Field& field) { return field.derivation(facts); },
            {},
            0,
            derivation};
}

}  // namespace ggufmap::hf::fields
