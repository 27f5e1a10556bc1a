#include "gguf-prefault/state_table.hpp"

#include <fmt/format.h>

#include "common/numbers.hpp"
#include "gguf-prefault/document.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::prefault_tool {
namespace {

using cli::Shows;

constexpr std::string_view unknown = "-";

std::string field(std::optional<std::uint64_t> number) {
    return number ? std::to_string(*number) : std::string(unknown);
}

std::vector<std::string> cut(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const auto end = text.find(separator);
        parts.emplace_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return parts;
}

}  // namespace

std::string encode(const std::vector<ModelState>& states) {
    std::string text;
    for (const ModelState& one : states)
        text += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", printable(one.name), printable(one.path),
                            one.state, one.selected, field(one.resident), field(one.locked),
                            one.in_use ? 1 : 0, field(one.idle_seconds));
    return text;
}

std::vector<ModelState> decode(const std::string& text, const std::string& source) {
    std::vector<ModelState> states;
    for (const std::string& line : cut(text, '\n')) {
        const std::vector<std::string> fields = cut(line, '\t');
        constexpr std::size_t count = 8;
        if (fields.size() != count) throw Error(ErrorKind::malformed, {source}, "no answer of a keeper");
        states.push_back({fields[0], fields[1], fields[2], cli::parse_number(fields[3]).value_or(0),
                          cli::parse_number(fields[4]), cli::parse_number(fields[5]), fields[6] == "1",
                          cli::parse_number(fields[7])});
    }
    return states;
}

void print(const std::vector<ModelState>& states, cli::Io& io, const cli::Style& style) {
    Document document(io, style,
                      {{"models",
                        {{"name", "NAME"},
                         {"state", "STATE"},
                         {"selected", "SELECTED", Shows::size},
                         {"resident", "RESIDENT", Shows::size},
                         {"locked", "LOCKED", Shows::size},
                         {"in_use", "IN USE"},
                         {"idle_seconds", "IDLE S", Shows::number},
                         {"model", "MODEL"}},
                        true}});
    for (const ModelState& one : states)
        document.row(
            0, {one.name, one.state, one.selected, cli::or_unknown(one.resident), cli::or_unknown(one.locked),
                one.in_use, cli::or_unknown(one.idle_seconds), one.path});
    document.finish();
}

}  // namespace ggufmap::prefault_tool
