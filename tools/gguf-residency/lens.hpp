// --pid: every view of the page cache, but of the page tables of one process.
#pragma once

#include "gguf-residency/page_map_cache.hpp"
#include "gguf-residency/view.hpp"

namespace ggufmap::residency {

/// Throws Error (usage) where `pid` maps none of the models, or may not be looked at.
const Mapper& mapper_of(const MapperScan& scan, int pid);

/// Says on stderr how many processes may not be looked at; nothing to root, who sees all that can be seen.
void tell_unseen(const View& view, std::uint64_t not_permitted);

/// The pages of the models that `pid` has in its page tables. Throws what mapper_of() throws.
PageMapCache pages_of_process(const ProcessTable& table, Models models, int pid, MappingCost* cost = nullptr);

/// Adds to `seen` what processes that map the models have in their page tables; pid 0: all of them.
void add_touched(PageMapCache& seen, const ProcessTable& table, const MapperScan& scan, Models models,
                 int pid);

/// The models' files as maps name them: all shards of all models, in order.
std::vector<MapsIdentity> maps_identities(Models models);

}  // namespace ggufmap::residency
