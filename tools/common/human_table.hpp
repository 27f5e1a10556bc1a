// Aligned tables by libsmartcols, the library behind lsblk and fincore. The only user of its header is the
// .cpp.
#pragma once

#include <memory>
#include <string>
#include <vector>

struct libscols_table;

namespace ggufmap::cli {

struct Column;

class HumanTable {
public:
    explicit HumanTable(const std::vector<Column>& columns);
    /// What follows a table that was printed already: no heading, columns at least as wide as there.
    HumanTable(const std::vector<Column>& columns, const HumanTable& before);

    /// Cells must already be printable().
    void add(const std::vector<std::string>& cells);

    /// Heading and rows. `width`: columns of the terminal, text cells are cut to fit; 0: nothing is cut.
    std::string text(unsigned width) const;

private:
    struct Deleter {
        void operator()(libscols_table* table) const;
    };
    std::unique_ptr<libscols_table, Deleter> table_;
};

}  // namespace ggufmap::cli
