// Shares as shades of a character cell.
#pragma once

#include <span>
#include <string>

#include "common/io.hpp"
#include "ggufmap/pagecache.hpp"

namespace ggufmap::residency {

class Shades {
public:
    /// Block characters where the locale is UTF-8, else ASCII; colour where the terminal has it.
    explicit Shades(const cli::Io& io);

    /// `width` characters in the shade of the resident share.
    std::string run(const CacheCounts& bytes, unsigned width) const;
    /// One character for each.
    std::string strip(std::span<const CacheCounts> pieces) const;
    /// What each means, in lines of at most `width` columns (0: one line) behind `indent` blanks.
    std::string legend(unsigned indent, unsigned width) const;

private:
    std::string paint(std::size_t level, unsigned width) const;

    bool blocks_;
    bool colour_;
};

}  // namespace ggufmap::residency
