#include "gguf-residency/wrapped.hpp"

namespace ggufmap::residency {

std::string wrapped(std::string_view text, std::size_t width, std::size_t used, std::size_t indent) {
    std::string result;
    std::size_t column = used;
    for (std::size_t at = 0; at < text.size();) {
        const std::string_view word = text.substr(at, text.find(' ', at) - at);
        if (at != 0 && width != 0 && column + 1 + word.size() > width) {
            result += '\n' + std::string(indent, ' ');
            column = indent;
        } else if (at != 0) {
            result += ' ';
            ++column;
        }
        result += word;
        column += word.size();
        at += word.size() + 1;
    }
    return result;
}

}  // namespace ggufmap::residency
