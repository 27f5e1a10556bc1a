// What every action of gguf-prefault is given: open models and what of each is meant.
#pragma once

#include <optional>
#include <vector>

#include "common/args.hpp"
#include "common/io.hpp"
#include "common/report.hpp"
#include "common/status.hpp"
#include "ggufmap/mapping.hpp"
#include "ggufmap/pagecache.hpp"
#include "ggufmap/prefault.hpp"
#include "ggufmap/process.hpp"

namespace ggufmap::prefault_tool {

/// A model, mapped: what nobody maps, some machines reclaim while it is still being read.
struct Target {
    Mapping mapping;
    std::vector<ShardRange> wanted;  ///< sorted, disjoint
    std::uint64_t left_out = 0;      ///< selected bytes beyond the budget

    const Model& model() const { return mapping.model(); }
};

struct Job {
    const cli::Args& args;
    cli::Io& io;
    cli::Style style;
    const PageCache& cache;
    const ProcessTable& processes;
    std::vector<Target> targets;
    bool quiet;
};

/// Opens the models of the command line into job.targets, selects, and fills the budget in the order of the
/// models. Models that cannot be opened are told and left out.
cli::Status open_targets(Job& job);

/// Each prints its result and says how it ended.
cli::Status show_plan(Job& job);
cli::Status warm(Job& job);  ///< and holds or locks, where that is asked for
cli::Status let_go(Job& job);

/// False, with each obstacle and its fix told, where the targets cannot be locked.
bool may_lock(const Job& job);
/// Keeps the targets as --hold, --lock or --lock-onfault says; false where that was not possible for all.
bool keep(const Job& job);
void wait_for_signal(const Job& job);

bool keeps(const cli::Args& args);
bool locks(const cli::Args& args);

}  // namespace ggufmap::prefault_tool
