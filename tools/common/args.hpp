// Command lines, read against the option table of a tool.
//
// How a tool is written (gguf-greet.cpp; its main.cpp is `return ggufmap::cli::tool_main(argc, argv,
// greet)`):
//
//     const cli::Tool& greet_tool() {
//         static const cli::Tool tool("gguf-greet", "[OPTION]... MODEL...", "say hello to models", {
//             {"", {cli::option::models()}},
//             {"Greeting", {cli::value("--times", "N", "say it N times"),
//                           cli::optional_value("--shout", "HOW", "raise the voice").choose({"loud",
//                           "louder"})}},
//             cli::option::output_formats(),
//         });
//         return tool;
//     }
//
//     int greet(std::span<const std::string> arguments, cli::Io& io) {
//         return cli::run(greet_tool(), arguments, io, [&](const cli::Args& args) {
//             const std::uint64_t times = args.number("--times", {1, 100}).value_or(1);   // 1. options
//             return cli::for_each_input(args, io, "MODEL", [&](const std::string& model) {
//                 const Greeting greeting = compute(model, times);                        // 2. a value
//                 print(greeting, cli::Style::from(args), io);                            // 3. print it
//                 return cli::Status::ok;
//             });
//         });
//     }
//
// run() (tool.hpp) answers --help and --version, turns Errors into messages and exit statuses, and flushes
// stdout.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/numbers.hpp"
#include "common/options.hpp"

namespace ggufmap::cli {

/// Every getter takes a spelling from the table ("--output", "-o", "MODEL"); any other is a programmer's
/// mistake and throws std::logic_error. Values that cannot be read throw Error (usage), as does the
/// constructor.
class Args {
public:
    /// `tool` must outlive this. Needed positionals are demanded only when neither --help nor --version is
    /// there.
    Args(const Tool& tool, std::span<const std::string> arguments);

    const Tool& tool() const { return tool_; }

    bool has(std::string_view option) const { return count(option) > 0; }
    /// How often it was given.
    std::size_t count(std::string_view option) const { return occurrences(option).size(); }

    /// The value given. For an optional value: empty when only the option stood there.
    std::optional<std::string> text(std::string_view option) const;
    /// All values in order: positionals and repeatable options.
    std::vector<std::string> all(std::string_view option) const;
    /// The value of an option that takes several choices, cut at the commas.
    std::vector<std::string> list(std::string_view option) const;

    struct Limits {
        std::uint64_t least = 0;
        std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    };
    std::optional<std::uint64_t> number(std::string_view option, Limits limits) const;
    std::optional<std::uint64_t> number(std::string_view option) const { return number(option, Limits{}); }
    /// Bytes.
    std::optional<std::uint64_t> size(std::string_view option, Limits limits) const;
    std::optional<std::uint64_t> size(std::string_view option) const { return size(option, Limits{}); }
    std::optional<double> percent(std::string_view option) const;
    std::optional<std::chrono::milliseconds> duration(std::string_view option) const;
    std::optional<std::vector<NumberRange>> ranges(std::string_view option) const;

    /// Throws Error (usage) when more than one of them was given.
    void at_most_one_of(std::initializer_list<std::string_view> options) const;
    /// Throws Error (usage) when `option` was given and one of `others`, which would change nothing beside
    /// it.
    void refuse_beside(std::string_view option, const std::vector<std::string_view>& others) const;

private:
    struct Given {
        const Option* option;
        std::vector<std::string> values;  ///< one for each occurrence
    };
    const std::vector<std::string>& occurrences(std::string_view option) const;
    /// CLI11 takes "-1" for a positional; people would take it for an option.
    void refuse_dashed_positionals() const;
    void refuse_repeated() const;
    void check_choices() const;
    void check_needed() const;

    const Tool& tool_;
    std::vector<Given> given_;  ///< one for each option of the table, in its order
};

}  // namespace ggufmap::cli
