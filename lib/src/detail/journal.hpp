// What a run that can be taken up again has done so far: lines, each durable before the next step.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ggufmap/file.hpp"
#include "ggufmap/output.hpp"

namespace ggufmap::detail {

class Journal {
public:
    using Directory = std::shared_ptr<const OutputDirectory>;

    static std::string hidden_name(const std::string& name);

    /// Throws Error (io) where there is one already: an earlier run has not ended.
    static void require_none(const OutputDirectory& directory, const std::string& name);
    /// As require_none(); whoever has a journal has it alone.
    static Journal create(Directory directory, const std::string& name);
    /// Nothing where there is none; Error (io) where a run that still goes on has it. A last line without its
    /// end was not written whole and does not count.
    static std::optional<Journal> open(Directory directory, const std::string& name);

    /// The first line of a new journal; throws Error (mismatch) where an older one has another: `advice` goes
    /// behind "the journal is that of ".
    void require_plan(const std::string& line, std::string_view advice);
    const std::vector<std::string>& lines() const { return lines_; }
    bool has(const std::string& line) const;
    bool has_beginning(std::string_view beginning) const;
    bool has_ending(std::string_view ending) const;
    /// On disk when it returns. Throws Error (io).
    void append(const std::string& line);
    void remove();

private:
    Journal(Directory directory, std::string name, Fd fd)
        : directory_(std::move(directory)), name_(std::move(name)), fd_(std::move(fd)) {}

    Directory directory_;
    std::string name_;
    Fd fd_;
    std::vector<std::string> lines_;
};

}  // namespace ggufmap::detail
