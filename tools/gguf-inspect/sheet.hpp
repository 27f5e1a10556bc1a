// "label   value" lines, aligned, with values that wrap on a terminal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/io.hpp"

namespace ggufmap::inspect {

/// Escape sequences where the terminal has colours, nothing elsewhere.
class Paint {
public:
    explicit Paint(const cli::Terminal& terminal) : on_(terminal.colour) {}
    std::string bold(std::string_view text) const { return dress("1", text); }
    std::string dim(std::string_view text) const { return dress("2", text); }
    std::string red(std::string_view text) const { return dress("31", text); }
    std::string yellow(std::string_view text) const { return dress("33", text); }

private:
    std::string dress(std::string_view code, std::string_view text) const {
        if (!on_) return std::string(text);
        return std::string("\x1b[").append(code).append("m").append(text).append("\x1b[0m");
    }
    bool on_;
};

class Sheet {
public:
    /// Left out where the value is empty. Escaped on its way out; cut where it would fill the screen.
    void row(std::string_view label, const std::string& value);
    void print(cli::Io& io) const;

private:
    struct Row {
        std::string label;
        std::string value;
    };
    std::vector<Row> rows_;
};

/// Code points: wide ones make a line longer than meant, which a terminal bears.
std::size_t length_of(std::string_view utf8);

/// `text` cut at blanks into lines of `width` characters, those after the first behind `indent` blanks; 0:
/// one line.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t width);

}  // namespace ggufmap::inspect
