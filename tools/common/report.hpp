// Tables for people and for scripts. A tool names its columns once and adds rows; the format is the user's
// choice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/args.hpp"
#include "common/io.hpp"
#include "ggufmap/json.hpp"

namespace ggufmap::cli {

enum class Format { table, json, tsv, nul };

/// What --json, --tsv, -0 and --bytes say.
struct Style {
    Format format = Format::table;
    bool exact_bytes = false;
    /// Where several models are shown: TSV and NUL-ended rows begin with this one's name.
    std::string model = {};
    /// Not the first of them: no heading again.
    bool continues = false;

    /// Reads option::output_formats(); throws Error (usage) when two formats are asked for.
    static Style from(const Args& args);
};

enum class Shows {
    text,     ///< left-aligned; cut, with an ellipsis, where a terminal is too narrow
    word,     ///< left-aligned; never cut
    number,   ///< right-aligned, as it is
    count,    ///< right-aligned, "7.62 B" for people
    size,     ///< right-aligned bytes, "1.2 GiB" for people unless --bytes
    percent,  ///< right-aligned, 0 to 100, "99.9 %" for people
};

struct Column {
    std::string name;     ///< JSON key and TSV heading: "file_offset"
    std::string heading;  ///< for people: "OFFSET"
    Shows shows = Shows::text;
};

/// One value; nothing (monostate) is unknown: null in JSON, empty elsewhere. A list is an array in JSON and
/// joined by " x " elsewhere (tensor dimensions).
using Cell =
    std::variant<std::monostate, std::string, std::uint64_t, double, bool, std::vector<std::uint64_t>>;

inline Cell or_unknown(std::optional<std::uint64_t> value) { return value ? Cell(*value) : Cell(); }

/// Cells may hold names from files: they are escaped on their way out. Tables for people keep
/// some thousand rows, to know the widths; all formats stream, in bounded memory.
class Report {
public:
    /// Table, TSV or NUL-ended rows to stdout. For Format::json use the other constructor: a tool's JSON is
    /// one document of its own making.
    Report(Io& io, const Style& style, const std::vector<Column>& columns);
    /// A JSON array of objects, one a line; opened at once, closed by finish().
    Report(JsonWriter& json, const std::vector<Column>& columns);
    ~Report();
    Report(const Report&) = delete;
    Report& operator=(const Report&) = delete;

    /// As many cells as columns.
    void row(const std::vector<Cell>& cells);
    /// The last cell, one more than `cells`, is what `write` hands to its sink in pieces that end between
    /// characters: rows for scripts never hold it.
    using Write = std::function<void(const JsonWriter::Sink&)>;
    void row(const std::vector<Cell>& cells, const Write& write);
    void finish();

    class Rows;  ///< one per format, in report.cpp

private:
    std::size_t column_count_;
    std::unique_ptr<Rows> rows_;
};

/// The sink for a JsonWriter that prints to stdout.
JsonWriter::Sink json_sink(Io& io);

}  // namespace ggufmap::cli
