#include "gguf-residency/screen.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ggufmap::residency {
namespace {

constexpr std::string_view home_and_clear = "\x1b[H\x1b[J";

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

// Behind the last place of the first `width` columns where `mark` parts words; 0: nowhere.
std::size_t break_at(std::string_view line, std::size_t width, std::string_view mark) {
    const std::size_t at = line.rfind(mark, width);
    return at == std::string_view::npos ? 0 : at;
}

void append_wrapped(std::vector<std::string>& lines, std::string_view line, std::size_t width) {
    while (width != 0 && line.size() > width) {
        std::size_t end = break_at(line, width, "  ");
        if (end == 0) end = break_at(line, width, " ");
        if (end == 0) end = width;
        lines.emplace_back(line.substr(0, end));
        line.remove_prefix(end);
        line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    }
    if (!line.empty()) lines.emplace_back(line);
}

}  // namespace

Screen::Screen(cli::Io& io, const std::vector<std::string>& heading) : io_(io) {
    const std::size_t width = io.terminal(cli::Stream::out).width;
    for (const std::string& line : heading) append_wrapped(heading_, line, width);
}

cli::Terminal Screen::terminal(cli::Stream stream) const {
    cli::Terminal terminal = io_.terminal(stream);
    if (stream != cli::Stream::out || heading_.empty()) return terminal;
    const auto taken = static_cast<unsigned>(heading_.size() - 1);
    terminal.height -= std::min(terminal.height, taken);
    return terminal;
}

void Screen::print() {
    std::vector<std::string> lines = heading_;
    const std::vector<std::string> view = lines_of(text_);
    lines.insert(lines.end(), view.begin(), view.end());
    const std::size_t height = io_.terminal(cli::Stream::out).height;
    if (height > 1 && lines.size() > height - 1) {
        const std::size_t left_out = lines.size() - (height - 2);
        lines.resize(height - 2);
        lines.push_back(fmt::format("... {} more lines", left_out));
    }
    std::string all(home_and_clear);
    for (const std::string& line : lines) all += line + "\n";
    io_.out(all);
}

}  // namespace ggufmap::residency
