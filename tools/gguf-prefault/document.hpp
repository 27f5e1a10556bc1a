// A result of several tables: one JSON document, or tables one below the other.
#pragma once

#include <string>
#include <vector>

#include "common/io.hpp"
#include "common/report.hpp"

namespace ggufmap::prefault_tool {

struct Section {
    std::string key;  ///< in JSON
    std::vector<cli::Column> columns;
    bool for_scripts = false;  ///< the one that --tsv and -0 print
};

class Document {
public:
    Document(cli::Io& io, cli::Style style, std::vector<Section> sections);

    void row(std::size_t section, std::vector<cli::Cell> cells);
    /// Prints. Tables without rows are left out.
    void finish();

private:
    void print(cli::Report& report, std::size_t section) const;
    void finish_json();

    cli::Io& io_;
    cli::Style style_;
    std::vector<Section> sections_;
    std::vector<std::vector<std::vector<cli::Cell>>> rows_;  // by section
};

}  // namespace ggufmap::prefault_tool
