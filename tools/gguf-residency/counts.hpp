// Counts of bytes as columns of a table.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/report.hpp"
#include "ggufmap/pagecache.hpp"

namespace ggufmap::residency {

/// What is not known: "?" for people, who read "-" as "none"; nothing in other formats.
cli::Cell unknown_cell(cli::Format format);

/// 0 to 100; nothing where it is unknown or there are no bytes.
std::optional<double> percent_resident(const CacheCounts& bytes);
cli::Cell percent_cell(const CacheCounts& bytes, cli::Format format);
/// A counter, or unknown_cell().
cli::Cell count_cell(std::optional<std::uint64_t> bytes, cli::Format format);

/// bytes, resident, %, dirty, writeback, evicted, recently evicted.
std::vector<cli::Column> count_columns();
void append_counts(std::vector<cli::Cell>& cells, const CacheCounts& bytes, cli::Format format);

/// "3.1 GiB of 7.9 GiB resident (39.2 %)", `noun` for "resident"; "7.9 GiB, residency unknown" where it is.
std::string summary(const CacheCounts& bytes, const std::string& noun, bool exact_bytes);

}  // namespace ggufmap::residency
