#include "hf/gaps.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>

namespace ggufmap::hf {
namespace {

constexpr std::size_t names_shown = 3;

/// "3"; not "03", "x" or "".
std::optional<std::uint64_t> layer_number(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    if (text.size() > 1 && text.front() == '0') return std::nullopt;
    return number;
}

/// A number of things, the first of them by name.
class List {
public:
    void add(const std::string& name) {
        if (count_++ < names_shown) names_ += (names_.empty() ? "" : ", ") + name;
    }
    /// That many more, of which the names need not be told.
    void add_nameless(std::uint64_t count) { count_ += count; }
    bool empty() const { return count_ == 0; }
    std::string text() const {
        return fmt::format("{} ({}{})", count_, names_, count_ > names_shown ? ", ..." : "");
    }

private:
    std::uint64_t count_ = 0;
    std::string names_;
};

/// What sets layers of one model apart that rightly have different tensors.
struct Kind {
    bool experts;
    bool heads;         ///< some pruned models have layers without attention,
    bool feed_forward;  ///< or without this
    auto operator<=>(const Kind&) const = default;
};

struct Layer {
    std::set<std::string> roles;  ///< "attn_q.weight"
    bool experts = false;
    bool plain_feed_forward = false;
};

/// Layers that are numbered together: all, or a T5's encoder or decoder.
struct Stack {
    std::string prefix;                  ///< "", "enc." or "dec."
    std::optional<std::uint64_t> count;  ///< where the metadata says it
    std::map<std::uint64_t, Layer> layers = {};
};

class Survey {
public:
    Survey(const Facts& facts, const Architecture& architecture)
        : facts_(facts), architecture_(architecture) {
        const auto layers = facts.number("block_count");
        if (find_name(architecture.names, "enc.attn_q")) {
            const auto own = facts.number("decoder_block_count");
            stacks_.push_back({"enc.", layers});
            stacks_.push_back({"dec.", own ? own : layers});
        } else {
            stacks_.push_back({"", layers});
        }
        for (const ModelTensor& tensor : facts.model().tensors()) add(tensor.info->name);
    }

    std::vector<std::string> gaps() {
        if (!facts_.tensor("token_embd.weight")) tell("the model has no token_embd.weight");
        for (Stack& stack : stacks_) {
            look_for_final_norm(stack);
            look_for_layers(stack);
            look_for_roles(stack);
        }
        if (!unnumbered_.empty()) tell("tensors whose layer is no number: " + unnumbered_.text());
        if (!beyond_.empty())
            tell("tensors of layers beyond those that the metadata says: " + beyond_.text());
        if (!lacking_.empty()) tell("tensors missing that other layers have: " + lacking_.text());
        return std::move(lines_);
    }

private:
    void tell(std::string line) { lines_.push_back(std::move(line)); }

    void add(std::string_view name) {
        const NameParts parts = parts_of(name);
        if (!find_name(architecture_.names, parts.key) || name.find("blk.") == std::string_view::npos) return;
        const auto number = layer_number(parts.layer);
        if (!number) return unnumbered_.add(std::string(name));
        for (Stack& stack : stacks_) {
            if (!parts.key.starts_with(stack.prefix)) continue;
            if (stack.count && *number >= *stack.count) return beyond_.add(std::string(name));
            const std::string key = parts.key.substr(stack.prefix.size());
            Layer& layer = stack.layers[*number];
            if (key.find("exp") != std::string::npos || key == "ffn_gate_inp") layer.experts = true;
            if (key == "ffn_up" || key == "ffn_down") layer.plain_feed_forward = true;
            // T5's first layer has these for all.
            if (key != "attn_rel_b") layer.roles.insert(key + std::string(parts.suffix));
            return;
        }
    }

    /// Models without norms in their layers (OLMo's have no weights) have none behind them either.
    void look_for_final_norm(const Stack& stack) {
        const std::string key = stack.prefix + "output_norm";
        if (!find_name(architecture_.names, key) || facts_.tensor(key + ".weight")) return;
        const bool has_norms = std::any_of(stack.layers.begin(), stack.layers.end(), [](const auto& entry) {
            const auto& roles = entry.second.roles;
            return std::any_of(roles.begin(), roles.end(), [](const std::string& role) {
                return role.find("_norm") != std::string::npos;
            });
        });
        if (has_norms) tell(fmt::format("the model has no {}.weight", key));
    }

    void look_for_layers(const Stack& stack) {
        if (!stack.count || stack.layers.size() == *stack.count) return;
        List absent;
        const std::uint64_t gaps = *stack.count - stack.layers.size();
        const std::uint64_t shown = std::min<std::uint64_t>(gaps, names_shown);
        // The count is a number in a file: only as many are looked for as are shown.
        for (std::uint64_t i = 0, found = 0; found < shown; ++i) {
            if (stack.layers.contains(i)) continue;
            absent.add(fmt::format("{}blk.{}", stack.prefix, i));
            ++found;
        }
        absent.add_nameless(gaps - shown);
        tell(fmt::format("the metadata says {} layers, without tensors are {}", *stack.count, absent.text()));
    }

    Kind kind_of(std::uint64_t number, const Layer& layer, bool mixture) const {
        const auto some = [&](std::string_view key) {
            return facts_.number_of_layer(key, number).value_or(1) != 0;
        };
        // A layer that has neither lacks what its neighbours have.
        const bool neither = !layer.experts && !layer.plain_feed_forward;
        return {layer.experts || (neither && mixture), some("attention.head_count"),
                some("feed_forward_length")};
    }

    void look_for_roles(const Stack& stack) {
        const bool mixture = std::any_of(stack.layers.begin(), stack.layers.end(),
                                         [](const auto& entry) { return entry.second.experts; });
        std::map<Kind, std::set<std::string>> all;
        for (const auto& [number, layer] : stack.layers)
            all[kind_of(number, layer, mixture)].insert(layer.roles.begin(), layer.roles.end());
        for (const auto& [number, layer] : stack.layers) {
            for (const std::string& role : all[kind_of(number, layer, mixture)])
                if (!layer.roles.contains(role))
                    lacking_.add(fmt::format("{}blk.{}.{}", stack.prefix, number, role));
        }
    }

    const Facts& facts_;
    const Architecture& architecture_;
    std::vector<Stack> stacks_;
    List unnumbered_, beyond_, lacking_;
    std::vector<std::string> lines_;
};

}  // namespace

std::vector<std::string> gaps_of(const Facts& facts, const Architecture& architecture) {
    return Survey(facts, architecture).gaps();
}

}  // namespace ggufmap::hf
