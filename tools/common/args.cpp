// The only file that includes CLI11 (it costs seconds of compile time wherever it is included). CLI11 cuts
// the command line into options and values; everything it would interpret (numbers, lists, help) is kept from
// it.
#include "common/args.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <stdexcept>

#include "ggufmap/error.hpp"

namespace ggufmap::cli {
namespace {

// CLI11 takes a positional "[a,b]" apart at its commas; a file may be called that. This byte in front hides
// it.
constexpr char bracket_guard = '\1';
// What an optional-value option yields when it stands alone; no argument can hold a NUL, so no one can type
// it.
const std::string alone(1, '\0');

[[noreturn]] void wrong(const std::string& reason) { throw Error(ErrorKind::usage, {}, reason); }

[[noreturn]] void wrong_value(std::string_view option, const std::string& value, std::string_view wanted) {
    wrong(fmt::format("{}: '{}' is not {}", option, value, wanted));
}

CLI::Option* declare(CLI::App& app, const Option& option) {
    CLI::Option* declared = nullptr;
    switch (option.takes) {
        case Takes::nothing:
            declared = app.add_flag(option.names)->disable_flag_override();
            break;
        case Takes::optional_value:
            // A flag to CLI11: as an option it would swallow the next argument.
            declared = app.add_flag(
                fmt::format("{0}{{{1}}}", fmt::join(option.spellings(), "{" + alone + "},"), alone));
            break;
        case Takes::value:
            declared = app.add_option(option.names)->type_size(1)->expected(1)->allow_extra_args(false);
            break;
        case Takes::itself:
            declared = app.add_option(option.names)->type_size(1)->allow_extra_args(option.repeats);
            break;
    }
    return declared->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

/// CLI11 reads "--name=" as "--name" and takes the next argument for the value.
void refuse_empty_values(std::span<const std::string> arguments) {
    for (const std::string& argument : arguments) {
        if (argument == "--") return;
        if (argument.starts_with("--") && argument.find('=') == argument.size() - 1)
            wrong(fmt::format("{}: the value is empty", argument.substr(0, argument.size() - 1)));
    }
}

/// CLI11 wants the arguments last one first.
std::vector<std::string> prepared(std::span<const std::string> arguments) {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    for (std::string& argument : reversed) {
        if (argument.starts_with('[')) argument.insert(argument.begin(), bracket_guard);
    }
    return reversed;
}

void parse(CLI::App& app, std::span<const std::string> arguments) {
    try {
        app.parse(prepared(arguments));
    } catch (const CLI::ArgumentMismatch& error) {
        // Its message begins with the option's name: "--output: 1 required ..." but "json was given ...".
        const std::string message = error.what();
        const std::string name = message.substr(0, message.find_first_of(": "));
        wrong(name.starts_with('-') ? name + " needs a value" : "--" + name + " takes no value");
    } catch (const CLI::Error& error) {
        wrong(error.what());
    }
    for (const std::string& extra : app.remaining()) {
        if (extra == "--") continue;
        const bool option_like = extra.size() > 1 && extra[0] == '-';
        wrong(fmt::format("{} '{}'", option_like ? "unknown option" : "unexpected argument",
                          option_like ? extra.substr(0, extra.find('=')) : extra));
    }
}

std::string restored(std::string value) {
    if (value == alone) return {};
    if (value.starts_with(bracket_guard)) value.erase(0, 1);
    return value;
}

std::vector<std::string> cut_at_commas(const std::string& text) {
    std::vector<std::string> items;
    for (std::size_t begin = 0, comma = 0; comma != std::string::npos; begin = comma + 1) {
        comma = text.find(',', begin);
        items.push_back(text.substr(begin, comma == std::string::npos ? comma : comma - begin));
    }
    return items;
}

}  // namespace

Args::Args(const Tool& tool, std::span<const std::string> arguments) : tool_(tool) {
    refuse_empty_values(arguments);
    CLI::App app;
    app.set_help_flag();
    app.allow_extras();
    std::vector<CLI::Option*> declared;
    for (const Group& group : tool.groups()) {
        for (const Option& option : group.options) {
            given_.push_back({&option, {}});
            declared.push_back(declare(app, option));
        }
    }
    parse(app, arguments);
    for (std::size_t i = 0; i < declared.size(); ++i) {
        for (const std::string& value : declared[i]->results()) given_[i].values.push_back(restored(value));
    }
    if (std::find(arguments.begin(), arguments.end(), "--") == arguments.end()) refuse_dashed_positionals();
    refuse_repeated();
    check_choices();
    if (!has("--help") && !has("--version")) check_needed();
}

void Args::refuse_dashed_positionals() const {
    for (const auto& [option, values] : given_) {
        if (option->takes != Takes::itself) continue;
        for (const std::string& value : values) {
            if (value.size() > 1 && value[0] == '-') wrong(fmt::format("unknown option '{}'", value));
        }
    }
}

// Keeping one of them would leave out what the others ask for without a word.
void Args::refuse_repeated() const {
    for (const auto& [option, values] : given_) {
        const bool has_value = option->takes == Takes::value || option->takes == Takes::optional_value;
        if (has_value && !option->repeats && values.size() > 1)
            wrong(option->title() + ": may be given only once");
    }
}

void Args::check_choices() const {
    for (const auto& [option, values] : given_) {
        if (option->choices.empty()) continue;
        for (const std::string& value : values) {
            if (value.empty() && option->takes == Takes::optional_value) continue;
            for (const std::string& item : option->list ? cut_at_commas(value) : std::vector{value}) {
                if (std::find(option->choices.begin(), option->choices.end(), item) == option->choices.end())
                    wrong_value(option->title(), item,
                                fmt::format("one of {}", fmt::join(option->choices, ", ")));
            }
        }
    }
}

void Args::check_needed() const {
    for (const auto& [option, values] : given_) {
        if (option->needed && values.empty()) wrong(option->names + " is missing");
    }
}

const std::vector<std::string>& Args::occurrences(std::string_view option) const {
    const Option* const wanted = tool_.find(option);
    for (const Given& given : given_) {
        if (given.option == wanted) return given.values;
    }
    throw std::logic_error(fmt::format("{} has no option {}", tool_.name(), option));
}

std::optional<std::string> Args::text(std::string_view option) const {
    const auto& values = occurrences(option);
    if (values.empty()) return std::nullopt;
    return values.back();
}

std::vector<std::string> Args::all(std::string_view option) const { return occurrences(option); }

std::vector<std::string> Args::list(std::string_view option) const {
    const auto value = text(option);
    return value && !value->empty() ? cut_at_commas(*value) : std::vector<std::string>{};
}

std::optional<std::uint64_t> Args::number(std::string_view option, Limits limits) const {
    const auto given = text(option);
    if (!given) return std::nullopt;
    const auto value = parse_number(*given);
    if (!value) wrong_value(option, *given, "a number (decimal digits)");
    if (*value < limits.least || *value > limits.most)
        wrong_value(option, *given, fmt::format("in {} to {}", limits.least, limits.most));
    return value;
}

std::optional<std::uint64_t> Args::size(std::string_view option, Limits limits) const {
    const auto given = text(option);
    if (!given) return std::nullopt;
    const auto value = parse_size(*given);
    if (!value) wrong_value(option, *given, "a size (like 512, 512M, 512MB)");
    if (*value < limits.least || *value > limits.most)
        wrong_value(option, *given, fmt::format("in {} to {} bytes", limits.least, limits.most));
    return value;
}

std::optional<double> Args::percent(std::string_view option) const {
    const auto given = text(option);
    if (!given) return std::nullopt;
    const auto value = parse_percent(*given);
    if (!value) wrong_value(option, *given, "a percentage (0 to 100)");
    return value;
}

std::optional<std::chrono::milliseconds> Args::duration(std::string_view option) const {
    const auto given = text(option);
    if (!given) return std::nullopt;
    const auto value = parse_duration(*given);
    if (!value) wrong_value(option, *given, "a duration (like 5, 1.5s, 500ms, 10m, 1h)");
    return value;
}

std::optional<std::vector<NumberRange>> Args::ranges(std::string_view option) const {
    const auto given = text(option);
    if (!given) return std::nullopt;
    auto value = parse_ranges(*given);
    if (!value) wrong_value(option, *given, "a list of numbers (like 0-7,31)");
    return value;
}

void Args::at_most_one_of(std::initializer_list<std::string_view> options) const {
    std::string_view first;
    for (const std::string_view option : options) {
        if (!has(option)) continue;
        if (!first.empty()) wrong(fmt::format("{} and {} exclude each other", first, option));
        first = option;
    }
}

void Args::refuse_beside(std::string_view option, const std::vector<std::string_view>& others) const {
    if (!has(option)) return;
    for (const std::string_view other : others)
        if (has(other))
            throw Error(ErrorKind::usage, {}, fmt::format("{}: does not go with {}", other, option));
}

}  // namespace ggufmap::cli
