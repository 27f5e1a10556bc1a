#include "gguf-residency/counts.hpp"

#include <fmt/format.h>

#include "common/numbers.hpp"

namespace ggufmap::residency {

using cli::Cell;
using cli::Shows;

std::optional<double> percent_resident(const CacheCounts& bytes) {
    if (!bytes.resident || bytes.total == 0) return std::nullopt;
    return 100.0 * static_cast<double>(*bytes.resident) / static_cast<double>(bytes.total);
}

Cell unknown_cell(cli::Format format) {
    return format == cli::Format::table ? Cell(std::string("?")) : Cell();
}

Cell percent_cell(const CacheCounts& bytes, cli::Format format) {
    if (!bytes.resident) return unknown_cell(format);
    const auto percent = percent_resident(bytes);
    return percent ? Cell(*percent) : Cell();
}

Cell count_cell(std::optional<std::uint64_t> bytes, cli::Format format) {
    return bytes ? Cell(*bytes) : unknown_cell(format);
}

std::vector<cli::Column> count_columns() {
    return {{"bytes", "BYTES", Shows::size},
            {"resident", "RESIDENT", Shows::size},
            {"percent", "%", Shows::percent},
            {"dirty", "DIRTY", Shows::size},
            {"writeback", "WRITEBACK", Shows::size},
            {"evicted", "EVICTED", Shows::size},
            {"recently_evicted", "RECENTLY EVICTED", Shows::size}};
}

void append_counts(std::vector<Cell>& cells, const CacheCounts& bytes, cli::Format format) {
    cells.emplace_back(bytes.total);
    cells.push_back(count_cell(bytes.resident, format));
    cells.push_back(percent_cell(bytes, format));
    for (const auto& counter : {bytes.dirty, bytes.writeback, bytes.evicted, bytes.recently_evicted})
        cells.push_back(count_cell(counter, format));
}

std::string summary(const CacheCounts& bytes, const std::string& noun, bool exact_bytes) {
    const auto size = [&](std::uint64_t count) {
        return exact_bytes ? fmt::format("{} bytes", count) : cli::human_size(count);
    };
    if (!bytes.resident) return fmt::format("{}, residency unknown", size(bytes.total));
    const auto percent = percent_resident(bytes);
    return fmt::format("{} of {} {}{}", size(*bytes.resident), size(bytes.total), noun,
                       percent ? fmt::format(" ({})", cli::human_percent(*percent)) : "");
}

}  // namespace ggufmap::residency
