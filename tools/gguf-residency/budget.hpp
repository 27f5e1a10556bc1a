// --budget: the memory there is, the memory that models need, and a verdict. A pure function of its inputs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gguf-residency/view.hpp"
#include "ggufmap/memory.hpp"

namespace ggufmap::residency {

enum class Verdict {
    resident,  ///< everything stays in memory
    lazy,      ///< the private part and a hot part of the weights do; the rest comes from the disk again and
               ///< again
    thrash     ///< not even what every token needs fits
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
    std::uint64_t resident_already = 0;  ///< weights that the page cache holds and that others keep there
};
Need need_of(const Model& model, const PageCache& cache, std::uint64_t context, KvType type);

/// What there is, in bytes.
struct Supply {
    std::uint64_t available =
        0;                 ///< without pushing others out; counts clean page cache, so resident weights too
    std::string bound_by;  ///< "host", "--ram", or the path of a control group
    std::uint64_t swap_free = 0;
    std::uint64_t zram_gain = 0;  ///< what full zRAM gives beyond the memory it takes itself
    double zram_ratio = 0;        ///< used for that; 0: there is no zRAM
};
Supply supply_of(const AvailableMemory& memory, const std::vector<Zram>& zram,
                 std::optional<std::uint64_t> ram, std::optional<std::uint64_t> new_zram);

struct Budget {
    Supply supply;
    std::vector<Need> needs;
    std::uint64_t weights = 0;
    std::uint64_t fixed = 0;  ///< private memory: contexts and page tables
    std::uint64_t every_token = 0;
    std::uint64_t zram_gain = 0;  ///< by compressing the contexts
    std::uint64_t memory = 0;     ///< available + zram_gain
    std::uint64_t left_for_weights = 0;
    Verdict verdict = Verdict::resident;
};
/// What all of it takes: weights + fixed; 2^64 - 1 where that is more.
std::uint64_t wanted_by(const Budget& budget);
Budget make_budget(const Supply& supply, std::vector<Need> needs);

}  // namespace ggufmap::residency
