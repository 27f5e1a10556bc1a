// Aligned tables for people.
//
// libsmartcols, the library behind lsblk, cuts a cell without a mark (10000000 became 10000 on a narrow
// terminal), and took 13 us a row: 1.4 s for 100,000 tensors that are measured in 0.05 s.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ggufmap::cli {

struct Column;

class HumanTable {
public:
    /// `width`: columns of the terminal, to which text cells are cut; 0: nothing is cut.
    HumanTable(const std::vector<Column>& columns, unsigned width);

    /// The next cell, row by row; already printable().
    void add(std::string_view cell);

    /// The rows added since the last call, the heading before the first of them; "" where there are none.
    /// Columns never get narrower.
    std::string take();

private:
    struct Layout {
        bool right;           ///< aligned to the right
        bool may_cut;         ///< and then ends in an ellipsis
        std::uint32_t width;  ///< of the widest cell so far, in columns of a terminal
    };
    struct Cell {
        std::size_t end;  ///< in text_
        std::uint32_t width;
    };
    std::vector<std::uint32_t> fitting_widths() const;

    unsigned width_;
    std::vector<Layout> columns_;
    std::string text_;  // of all cells, one after the other
    std::vector<Cell> cells_;
    bool headed_ = false;  // the heading has been taken
};

}  // namespace ggufmap::cli
