// Is the cache made of large folios or of single pages? Faults on single pages cost later 8 to 10 times as
// much.
//
// The kernel does not say which without privilege, but it lets us feel it: cachestat walks folios, so what it
// takes a page tells how many pages a folio has. Measured on Zen 4: 0.3 to 0.5 ns a page after sequential
// reads (folios of 90 KiB and more), 16 to 21 ns for folios of 9 KiB, 28 to 36 ns for single pages.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ggufmap/residency.hpp"

namespace ggufmap::residency {

enum class FolioSize { large, single };

/// What the time that cachestat takes for a page, in ns, says; nothing between the two, where small folios
/// and the single pages of a faster machine look alike.
std::optional<FolioSize> folio_size(double nanoseconds_a_page);

/// The longest of the portions added that are wholly resident.
class LongestWhole {
public:
    void add(const Portion& portion);
    /// Empty where there was none.
    const ShardRange& where() const { return where_; }

private:
    ShardRange where_;
};

/// Of a stretch that is wholly resident, the fastest of three tries over at most 64 MiB. Nothing where it is
/// shorter than 8 MiB, or cachestat cannot be asked.
std::optional<double> time_a_page(const PageCache& cache, const Model& model, const LongestWhole& longest);

/// ", in large folios"; "" where nothing can be said.
std::string folio_remark(const PageCache& cache, const Model& model, const LongestWhole& longest);

}  // namespace ggufmap::residency
