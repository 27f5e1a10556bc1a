#include "common/options.hpp"

#include <algorithm>
#include <utility>

#include "common/standard_options.hpp"

namespace ggufmap::cli {
namespace {

constexpr std::size_t help_column = 26;
constexpr std::size_t line_width = 80;

/// "  -o, --output FILE", "      --hash[=ALG]", "  MODEL...".
std::string left_side(const Option& option) {
    if (option.takes == Takes::itself) return "  " + option.names + (option.repeats ? "..." : "");
    std::string side;
    for (const std::string& name : option.spellings()) {
        const bool is_long = name.starts_with("--");
        side += !side.empty() ? ", " : is_long ? "      " : "  ";
        side += name;
    }
    if (option.takes == Takes::value) side += " " + option.value;
    if (option.takes == Takes::optional_value) side += "[=" + option.value + "]";
    return side;
}

/// Appends `text` word by word; the cursor stands in column `column`.
void append_wrapped(std::string& out, std::string_view text, std::size_t column) {
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find(' '));
        if (column > help_column && column + 1 + word.size() >= line_width) {
            out += '\n';
            out.append(help_column, ' ');
            column = help_column;
        } else if (column > help_column) {
            out += ' ';
            ++column;
        }
        out += word;
        column += word.size();
        text.remove_prefix(std::min(text.size(), word.size() + 1));
    }
    out += '\n';
}

std::string full_help(const Option& option) {
    if (option.choices.empty()) return option.help;
    std::string text = option.help + ": ";
    for (const std::string& choice : option.choices) {
        if (&choice != &option.choices.front()) text += ", ";
        text += choice;
    }
    return text;
}

}  // namespace

Option Option::choose(std::vector<std::string> from) && {
    choices = std::move(from);
    return std::move(*this);
}

Option Option::choose_several(std::vector<std::string> from) && {
    choices = std::move(from);
    list = true;
    return std::move(*this);
}

Option Option::repeatable() && {
    repeats = true;
    return std::move(*this);
}

Option Option::required() && {
    needed = true;
    return std::move(*this);
}

Option Option::files() && {
    completes = Completes::files;
    return std::move(*this);
}

Option Option::directories() && {
    completes = Completes::directories;
    return std::move(*this);
}

std::vector<std::string> Option::spellings() const {
    std::vector<std::string> all;
    for (std::size_t begin = 0, comma = 0; comma != std::string::npos; begin = comma + 1) {
        comma = names.find(',', begin);
        all.push_back(names.substr(begin, comma == std::string::npos ? comma : comma - begin));
    }
    return all;
}

std::string Option::title() const { return spellings().back(); }

Option flag(std::string names, std::string help) { return {std::move(names), "", std::move(help)}; }

Option value(std::string names, std::string placeholder, std::string help) {
    return {std::move(names), std::move(placeholder), std::move(help), Takes::value};
}

Option optional_value(std::string names, std::string placeholder, std::string help) {
    return {std::move(names), std::move(placeholder), std::move(help), Takes::optional_value};
}

Option positional(std::string placeholder, std::string help) {
    return Option{placeholder, placeholder, std::move(help), Takes::itself}.files();
}

Tool::Tool(std::string name, std::string usage, std::string summary, std::vector<Group> groups)
    : name_(std::move(name)),
      usage_(std::move(usage)),
      summary_(std::move(summary)),
      groups_(std::move(groups)) {
    groups_.push_back({"Other", {option::help(), option::version()}});
}

const Option* Tool::find(std::string_view spelling) const {
    for (const Group& group : groups_) {
        for (const Option& option : group.options) {
            const auto names = option.spellings();
            if (std::find(names.begin(), names.end(), spelling) != names.end()) return &option;
        }
    }
    return nullptr;
}

std::string help_text(const Tool& tool) {
    std::string text = "Usage: " + tool.name() + " " + tool.usage() + "\n" + tool.summary() + "\n";
    for (const Group& group : tool.groups()) {
        text += '\n';
        if (!group.title.empty()) text += group.title + ":\n";
        for (const Option& option : group.options) {
            std::string line = left_side(option);
            const bool fits = line.size() + 2 <= help_column;
            if (!fits) line += '\n';
            line.append(fits ? help_column - line.size() : help_column, ' ');
            text += line;
            append_wrapped(text, full_help(option), help_column);
        }
    }
    return text;
}

}  // namespace ggufmap::cli
