// --budget: the memory there is, the memory that models need, and a verdict. A pure function of its inputs.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gguf-residency/view.hpp"
#include "ggufmap/memory.hpp"
#include "ggufmap/process.hpp"

namespace ggufmap::residency {

/// The rule. Weights get what private memory (contexts, page tables) leaves, and fill it in order of worth,
/// as gguf-prefault --budget does; this is the hot part. Of several models the first one is filled first.
/// What a token needs beyond it is read again, each time. The bound of half is a choice: beyond it a token
/// reads more than it finds, so that disk, not memory, says how fast the model is, and a smaller one is
/// better.
enum class Verdict {
    resident,  ///< everything stays in memory
    lazy,      ///< private memory stays, and either all that one token needs (the experts it uses among it),
               ///< or so much that a token reads no more than half of what it needs again
    thrash     ///< less
};
std::string_view name_of(Verdict verdict);

/// What one model needs, in bytes.
struct Need {
    std::string model;
    std::uint64_t weights = 0;
    std::uint64_t every_token = 0;  ///< of these: all but experts; of experts the share that a token uses
    std::optional<std::uint64_t> context;  ///< the attention cache; nothing where the header does not tell
    std::uint64_t context_tokens = 0;
    std::uint64_t page_tables = 0;
    std::optional<std::uint64_t> resident_already = 0;  ///< of weights: in the page cache; nothing: unknown
    std::uint64_t experts = 0;                          ///< of weights: all experts
    /// Of weights: in memory and never evicted, as they are locked or their file is nothing but memory. The
    /// kernel does not count them as available, so they are not wanted again.
    std::uint64_t held = 0;
    bool context_at_most = false;  ///< KvCache::at_most
    std::uint64_t states = 0;      ///< of context: KvCache::state_bytes
    bool given_before = false;     ///< its file is one that another need counts: weights are 0 here
};
Need need_of(const Model& model, const PageCache& cache, std::uint64_t context, KvType type);
/// Need::held, as processes have it now.
std::uint64_t held_bytes(const Model& model, const PageCache& cache, const ProcessTable& processes);

/// What there is, in bytes.
struct Supply {
    /// Without pushing others out; counts clean page cache, so resident weights too, but for those of other
    /// mapped models.
    std::uint64_t available = 0;
    std::string bound_by;      ///< "host", "--ram", or the path of a control group
    std::uint64_t others = 0;  ///< page cache that other mapped models use: taken off where that bounds
    std::uint64_t swap_free = 0;
    std::uint64_t zram_gain = 0;  ///< what full zRAM gives beyond the memory it takes itself
    double zram_ratio = 0;        ///< used for that; 0: there is no zRAM
};
/// What the kernel calls available is also the page cache that a mapped model uses; locked pages, private
/// copies and files that are nothing but memory are not counted as available in the first place.
std::uint64_t evictable_bytes(const MappedModel& model);
/// From a control group no more is taken off than it counts as reclaimable: page cache is charged to the
/// group that brought it in, wherever those live who map it. With `ram` nothing is taken off: it is what
/// there would be.
Supply supply_of(const AvailableMemory& memory, std::span<const MappedModel> others,
                 const std::vector<Zram>& zram, std::optional<std::uint64_t> ram,
                 std::optional<std::uint64_t> new_zram);

struct Budget {
    Supply supply;
    std::vector<Need> needs;
    std::uint64_t weights = 0;
    std::uint64_t held = 0;   ///< of weights, see Need
    std::uint64_t fixed = 0;  ///< private memory: contexts and page tables
    std::uint64_t every_token = 0;
    std::uint64_t zram_gain = 0;         ///< by compressing the contexts
    std::uint64_t memory = 0;            ///< available + zram_gain
    std::uint64_t left_for_weights = 0;  ///< with what is held already
    std::vector<std::uint64_t> kept;     ///< of the weights of each need: stays
    /// What a token of each model reads from the disk although others read it before, where experts are
    /// chosen evenly. The models share the memory in their order: a later one gets what those before it
    /// leave.
    std::uint64_t read_per_token = 0;
    Verdict verdict = Verdict::resident;
};
/// Whether the sum lacks a context that is unknown.
bool lacks_context(const Budget& budget);
/// What all of it takes that is not there: weights - held + fixed; 2^64 - 1 where that is more.
std::uint64_t wanted_by(const Budget& budget);
Budget make_budget(const Supply& supply, std::vector<Need> needs);

}  // namespace ggufmap::residency
