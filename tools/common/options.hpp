// The option table of a tool: what it accepts, in the words that people see. --help, the shell completions,
// the man-page test and the parser (args.hpp) all read this one table.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ggufmap::cli {

enum class Takes {
    nothing,         ///< --json
    value,           ///< --output FILE
    optional_value,  ///< --hash or --hash=ALG; never the next argument
    itself,          ///< a positional argument
};

/// What a shell offers after the option.
enum class Completes { nothing, files, directories };

struct Option {
    std::string names;  ///< "-o,--output"; for a positional "MODEL"
    std::string value;  ///< placeholder shown to people, "FILE"
    std::string help;   ///< lower case, no full stop
    Takes takes = Takes::nothing;
    std::vector<std::string> choices = {};  ///< the only values allowed, where not empty
    bool list = false;                      ///< several choices, joined by commas, are allowed
    bool repeats = false;                   ///< every occurrence counts; otherwise a second one is an error
    bool needed = false;                    ///< a positional that must be there
    Completes completes = Completes::nothing;

    Option choose(std::vector<std::string> from) &&;
    Option choose_several(std::vector<std::string> from) &&;
    Option repeatable() &&;
    Option required() &&;
    Option files() &&;
    Option directories() &&;

    /// "-o", "--output".
    std::vector<std::string> spellings() const;
    /// The long name if there is one: "--output".
    std::string title() const;
};

Option flag(std::string names, std::string help);
Option value(std::string names, std::string placeholder, std::string help);
Option optional_value(std::string names, std::string placeholder, std::string help);
Option positional(std::string placeholder, std::string help);

struct Group {
    std::string title;  ///< "Output"; empty for the first
    std::vector<Option> options;
};

/// One tool. Its groups always end with "Other" (--help, --version), added by the constructor.
class Tool {
public:
    /// `usage` is what follows the name: "[OPTION]... MODEL..."; `summary` is one line, without a full stop.
    Tool(std::string name, std::string usage, std::string summary, std::vector<Group> groups);

    const std::string& name() const { return name_; }
    const std::string& usage() const { return usage_; }
    const std::string& summary() const { return summary_; }
    const std::vector<Group>& groups() const { return groups_; }

    /// The option with this spelling ("-o", "--output", "MODEL"); nullptr where there is none.
    const Option* find(std::string_view spelling) const;

private:
    std::string name_;
    std::string usage_;
    std::string summary_;
    std::vector<Group> groups_;
};

/// The text of --help, 80 columns wide.
std::string help_text(const Tool& tool);

}  // namespace ggufmap::cli
