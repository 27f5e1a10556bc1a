// --record: what processes touch of a model, over some time.
#pragma once

#include <chrono>
#include <vector>

#include "gguf-residency/page_map_cache.hpp"
#include "gguf-residency/view.hpp"
#include "ggufmap/residency.hpp"

namespace ggufmap::residency {

/// Gathers samples; knows no clock and no kernel.
class Recording {
public:
    Recording(Models models, const Selection& selection);

    /// One look at the page tables, `time` after the start.
    void add(const PageMapCache& now, std::chrono::milliseconds time);

    struct Entry {
        std::size_t model;
        Portion portion;              ///< bytes: what has been seen so far
        std::uint64_t samples = 0;    ///< in how many looks it had pages that no look before had
        std::optional<double> first;  ///< seconds from the start to the first of these
    };
    const std::vector<Entry>& entries() const { return entries_; }
    const PageMapCache& seen() const { return seen_; }

private:
    Models models_;
    PageMapCache seen_;
    std::vector<Entry> entries_;
};

/// Looks ten times a second for so long, or until asked to stop, at all processes or at `pid`. Throws Error
/// (usage) where that does not map the models when it begins. Says how many processes it could not look at.
Recording record(const View& view, Models models, std::chrono::milliseconds duration, int pid);

cli::Status show_recording(const View& view, const Recording& recording, Models models);

}  // namespace ggufmap::residency
