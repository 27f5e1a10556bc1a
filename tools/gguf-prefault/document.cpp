#include "gguf-prefault/document.hpp"

#include <utility>

namespace ggufmap::prefault_tool {

Document::Document(cli::Io& io, cli::Style style, std::vector<Section> sections)
    : io_(io), style_(style), sections_(std::move(sections)), rows_(sections_.size()) {}

void Document::row(std::size_t section, std::vector<cli::Cell> cells) {
    rows_[section].push_back(std::move(cells));
}

void Document::print(cli::Report& report, std::size_t section) const {
    for (const auto& cells : rows_[section]) report.row(cells);
    report.finish();
}

void Document::finish() {
    if (style_.format == cli::Format::json) return finish_json();
    bool first = true;
    for (std::size_t i = 0; i < sections_.size(); ++i) {
        const bool table = style_.format == cli::Format::table;
        if (table ? rows_[i].empty() : !sections_[i].for_scripts) continue;
        if (!std::exchange(first, false)) io_.out("\n");
        cli::Report report(io_, style_, sections_[i].columns);
        print(report, i);
    }
}

void Document::finish_json() {
    JsonWriter json(cli::json_sink(io_));
    json.begin_object();
    json.key("schema");
    json.string("gguf-prefault/1");
    for (std::size_t i = 0; i < sections_.size(); ++i) {
        json.key(sections_[i].key);
        cli::Report report(json, sections_[i].columns);
        print(report, i);
    }
    json.end_object();
    json.finish();
}

}  // namespace ggufmap::prefault_tool
