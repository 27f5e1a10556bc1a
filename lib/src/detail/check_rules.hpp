// The subjects of check(), each in a file of its own, and the list they report to.
#pragma once

#include <concepts>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ggufmap/check.hpp"

namespace ggufmap::detail {

/// Collects findings, a few of each code: a hostile file can have millions, and nobody reads them.
class Findings {
public:
    struct Told {
        Error::Where where;
        std::string text;
    };

    /// Calls `tell` only where its words will be kept.
    template <std::invocable Tell>
    void add(Severity severity, std::string_view code, Tell tell) {
        if (++seen_[code] > most_of_a_code) return;
        Told told = tell();
        list_.push_back({code, severity, std::move(told.where), std::move(told.text)});
    }
    template <std::invocable Tell>
    void error(std::string_view code, Tell tell) {
        add(Severity::error, code, std::move(tell));
    }
    template <std::invocable Tell>
    void warning(std::string_view code, Tell tell) {
        add(Severity::warning, code, std::move(tell));
    }

    std::vector<Finding> take();

private:
    static constexpr std::uint64_t most_of_a_code = 8;
    std::vector<Finding> list_;
    std::map<std::string_view, std::uint64_t> seen_;
};

/// Offsets, sizes and types against each other and the files' ends.
void check_layout(const Model& model, Findings& findings);
/// The bytes that belong to no tensor.
void check_padding(const Model& model, Findings& findings);
/// Keys by themselves: the naming rule and, with `values`, every value.
void check_keys(const Shard& shard, bool values, Findings& findings);
/// Keys that the architecture and the tokenizer need, and their types.
void check_needed_keys(const Model& model, Findings& findings);
/// Numbers in the metadata against the tensors and each other.
void check_counts(const Model& model, Findings& findings);

/// "1 layer", "2 layers".
std::string counted(std::uint64_t count, std::string_view noun);
/// The place of a finding, as the parser words it.
std::string key_place(std::string_view key);
std::string tensor_place(std::string_view name);

}  // namespace ggufmap::detail
