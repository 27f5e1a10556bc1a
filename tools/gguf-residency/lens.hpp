// --pid: every view of the page cache, but of the page tables of one process.
#pragma once

#include "gguf-residency/page_map_cache.hpp"
#include "gguf-residency/view.hpp"

namespace ggufmap::residency {

/// Throws Error (usage) where `pid` maps none of the models, or may not be looked at.
const Mapper& mapper_of(const MapperScan& scan, int pid);

/// Of two scans: what either of them was not shown.
Scan worse(const Scan& one, const Scan& other);

/// "3 process(es) may not be looked at; the host's root would see them". For a scan that has not seen all.
std::string unseen_text(const Scan& scan);

/// Says so on stderr, unless --quiet or all were seen.
void tell_unseen(const View& view, const Scan& scan);

/// The pages of the models that `pid` has in its page tables. Throws what mapper_of() throws.
PageMapCache pages_of_process(const ProcessTable& table, Models models, int pid, MappingCost* cost = nullptr);

/// Adds to `seen` what processes that map the models have in their page tables; pid 0: all of them.
void add_touched(PageMapCache& seen, const ProcessTable& table, const MapperScan& scan, Models models,
                 int pid);

/// Whether both are of the same file, or set of files: it may have several names, and a set has one for each
/// shard.
bool is_same(const Model& one, const Model& other);

/// The models' files as maps name them: all shards of all models, in order.
std::vector<MapsIdentity> maps_identities(Models models);

}  // namespace ggufmap::residency
