#include "gguf-residency/shell_word.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "ggufmap/text.hpp"

namespace ggufmap::residency {
namespace {

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("/._-+:@").find(c) != std::string_view::npos;
}

bool is_printable(char c) { return c >= ' ' && c <= '~'; }

}  // namespace

std::string shell_word(std::string_view path) {
    const std::string start = path.starts_with('-') ? "./" : "";
    if (!path.empty() && std::all_of(path.begin(), path.end(), is_plain)) return start + std::string(path);
    const bool printable_as_is = printable(path) == path;
    std::string result = start + (printable_as_is ? "'" : "$'");
    for (const char c : path) {
        if (printable_as_is)
            result += c == '\'' ? std::string("'\\''") : std::string(1, c);
        else if (c == '\'' || c == '\\')
            result += std::string("\\") + c;
        else if (is_printable(c))
            result += c;
        else  // three octal digits end by themselves, hexadecimal ones need not
            result += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
    }
    return result + "'";
}

}  // namespace ggufmap::residency
