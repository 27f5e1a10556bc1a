// The table of architectures: for each the class that transformers loads it with, the members of its
// config.json and the names of its tensors. Adding an architecture is adding an entry.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ggufmap/hf/node.hpp"
#include "hf/facts.hpp"
#include "hf/tensor_names.hpp"

namespace ggufmap::hf {

/// One member of config.json and where its value comes from; no value, no member.
struct Field {
    using Rule = std::optional<Node> (*)(const Facts&, const Field&);
    using Derivation = std::optional<Node> (*)(const Facts&);

    std::string_view key;
    Rule rule;
    std::string_view source = {};     ///< metadata key, tensor name or the text itself
    std::uint64_t constant = 0;       ///< for whole()
    Derivation derivation = nullptr;  ///< for derived()
};
using FieldGroup = std::span<const Field>;

struct Architecture {
    std::string_view gguf;        ///< general.architecture
    std::string_view class_name;  ///< what transformers loads it with
    std::string_view model_type;
    std::vector<FieldGroup> fields;  ///< a later member of the same key replaces an earlier one
    std::vector<NameGroup> names;
    /// For what shares a name in GGUF and not in transformers; null: always.
    bool (*applies)(const Facts&) = nullptr;
};

/// Null where the model's architecture has no entry.
const Architecture* find_architecture(const Facts& facts);

/// config.json's "rope_scaling"; nothing where positions are not scaled.
std::optional<Node> rope_scaling(const Facts& facts, std::string_view model_type, Notes& notes);

}  // namespace ggufmap::hf
