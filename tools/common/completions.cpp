#include "common/completions.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

#include "ggufmap/error.hpp"

namespace ggufmap::cli {
namespace {

std::string joined(const std::vector<std::string>& words, std::string_view between) {
    return fmt::format("{}", fmt::join(words, between));
}

void for_each_option(const Tool& tool, const std::function<void(const Option&)>& visit) {
    for (const Group& group : tool.groups()) std::for_each(group.options.begin(), group.options.end(), visit);
}

/// `text` with a backslash before each of `special`.
std::string escaped(std::string_view text, std::string_view special) {
    std::string out;
    for (const char c : text) {
        if (special.find(c) != std::string_view::npos) out += '\\';
        out += c;
    }
    return out;
}

std::string single_quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

std::string function_name(const Tool& tool) {
    std::string name = "_" + tool.name();
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

// ---- bash: plain files (and with them any positional) are left to `-o default`.

std::string bash_values(const Option& option) {
    if (!option.choices.empty()) return fmt::format("-W '{}'", joined(option.choices, " "));
    if (option.completes == Completes::directories) return "-A directory";
    return {};
}

std::string bash_cases(const Tool& tool) {
    std::string cases;
    for_each_option(tool, [&](const Option& option) {
        if (option.takes != Takes::value && option.takes != Takes::optional_value) return;
        // An optional value is only ever behind "="; a needed one may be, after the long name.
        std::vector<std::string> patterns;
        if (option.takes == Takes::value) patterns = option.spellings();
        patterns.push_back(option.title() + "=");
        const std::string values = bash_values(option);
        std::string action = "compopt +o default";
        if (option.completes == Completes::files) action = ":";
        if (!values.empty()) action = fmt::format("mapfile -t COMPREPLY < <(compgen {} -- \"$cur\")", values);
        cases += fmt::format("        {}) {}; return ;;\n", joined(patterns, "|"), action);
    });
    return cases;
}

std::string bash_script(const Tool& tool) {
    std::vector<std::string> words;
    for_each_option(tool, [&](const Option& option) {
        if (option.takes == Takes::itself) return;
        for (const std::string& name : option.spellings()) words.push_back(name);
        if (option.takes == Takes::optional_value) words.push_back(option.title() + "=");
    });
    // bash cuts words at "=": "--hash=x" arrives as "--hash" "=" "x", "--hash=" as "--hash" "=".
    return fmt::format(R"({function}() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} option=${{COMP_WORDS[COMP_CWORD - 1]}} equals=
    COMPREPLY=()
    if [[ $cur == = ]]; then
        cur= equals==
    elif [[ $option == = ]]; then
        option=${{COMP_WORDS[COMP_CWORD - 2]}} equals==
    fi
    case $option$equals in
{values}    esac
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '{words}' -- "$cur")
        if [[ ${{COMPREPLY[0]-}} == *= ]]; then compopt -o nospace; fi
    fi
}}
complete -o default -F {function} {name}
)",
                       fmt::arg("function", function_name(tool)), fmt::arg("name", tool.name()),
                       fmt::arg("values", bash_cases(tool)), fmt::arg("words", joined(words, " ")));
}

// ---- zsh

std::string zsh_action(const Option& option) {
    if (!option.choices.empty()) {
        const std::string choices = joined(option.choices, " ");
        return option.list ? "_values -s , value " + choices : "(" + choices + ")";
    }
    if (option.completes == Completes::files) return "_files";
    if (option.completes == Completes::directories) return "_directories";
    return " ";
}

std::string zsh_spec(const Option& option) {
    const std::string placeholder = escaped(option.value, ":");
    if (option.takes == Takes::itself)
        return single_quoted(
            fmt::format("{}:{}:{}", option.repeats ? "*" : "", placeholder, zsh_action(option)));

    const auto names = option.spellings();
    std::string spec = option.repeats ? "*" : names.size() > 1 ? "(" + joined(names, " ") + ")" : "";
    std::string quoted_spec = spec.empty() ? "" : single_quoted(spec);
    std::vector<std::string> forms;
    for (const std::string& name : names) {
        const bool is_long = name.starts_with("--");
        std::string form = name;
        if (option.takes == Takes::value) form += is_long ? "=" : "+";
        if (option.takes == Takes::optional_value) form += is_long ? "=-" : "-";
        forms.push_back(form);
    }
    quoted_spec += forms.size() == 1 ? forms[0] : "{" + joined(forms, ",") + "}";
    std::string tail = "[" + escaped(option.help, "[]:\\") + "]";
    if (option.takes != Takes::nothing)
        tail += fmt::format("{}{}:{}", option.takes == Takes::value ? ":" : "::", placeholder,
                            zsh_action(option));
    return quoted_spec + single_quoted(tail);
}

std::string zsh_script(const Tool& tool) {
    std::string text = fmt::format("#compdef {}\n_arguments -s -S", tool.name());
    for_each_option(tool, [&](const Option& option) { text += " \\\n    " + zsh_spec(option); });
    return text + "\n";
}

// ---- fish

std::string fish_line(const Tool& tool, const Option& option) {
    std::string line = "complete -c " + tool.name();
    for (const std::string& name : option.spellings())
        line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    if (option.takes == Takes::value) {
        line += option.completes == Completes::nothing ? " -x" : " -r -F";
    }
    if (!option.choices.empty()) line += " -a " + single_quoted(joined(option.choices, " "));
    if (option.completes == Completes::directories) line += " -a '(__fish_complete_directories)'";
    return line + " -d " + single_quoted(escaped(option.help, "\\")) + "\n";
}

std::string fish_script(const Tool& tool) {
    std::string text;
    for_each_option(tool, [&](const Option& option) {
        if (option.takes != Takes::itself) text += fish_line(tool, option);
    });
    return text;
}

}  // namespace

std::string completion_script(const Tool& tool, std::string_view shell) {
    const std::string note =
        fmt::format("# {} completions: written by `{} --generate-completion={}` from its option table.\n",
                    shell, tool.name(), shell);
    if (shell == "bash") return note + bash_script(tool);
    if (shell == "fish") return note + fish_script(tool);
    if (shell == "zsh") {
        const std::string script = zsh_script(tool);  // zsh wants #compdef in the first line
        const std::size_t second_line = script.find('\n') + 1;
        return script.substr(0, second_line) + note + script.substr(second_line);
    }
    throw Error(ErrorKind::usage, {}, fmt::format("no completions for '{}': bash, zsh or fish", shell));
}

}  // namespace ggufmap::cli
