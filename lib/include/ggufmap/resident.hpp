// Looks at what is in memory of a model, without asking the disk: a page cache can be wrong over a disk that
// is right (bad memory, kernel bugs, network file systems).
#pragma once

#include <cstdint>
#include <vector>

#include "ggufmap/digest.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/model.hpp"
#include "ggufmap/select.hpp"
#include "ggufmap/weight_digests.hpp"
#include "ggufmap/weights.hpp"

namespace ggufmap {

/// Digests of what was in memory.
struct ResidentDigests {
    std::vector<Selected> tensors;  ///< all that were asked about
    DigestTable digests;            ///< by `tensors`; none of what is not wholly resident
    std::vector<bool> resident;     ///< by `tensors`: all of it was, and has been digested
    std::uint64_t bytes = 0;        ///< of all
    std::uint64_t digested = 0;     ///< of those that were resident
    bool complete = true;           ///< false: asked to stop
};

/// Digests tensors all of whose pages are resident, and reads nothing: neither absent pages nor, as read(2)
/// does behind a readahead mark, what follows. A page that leaves while its tensor is read makes that not
/// resident; one that leaves between question and copy is read back, it alone. Throws Error (io) where the
/// file cannot be mapped, or the kernel does not tell what of it is in memory.
GGUFMAP_API ResidentDigests digest_resident(const Model& model, const std::vector<DigestKind>& kinds,
                                            const Selection& selection, const ReadOptions& options);

/// Where memory and disk differ.
struct CacheFault {
    ShardRange where;                     ///< whole pages
    const ModelTensor* tensor = nullptr;  ///< that it begins in; null: header, padding
};

struct CacheComparison {
    std::vector<CacheFault> faults;
    std::uint64_t bytes = 0;     ///< of all files
    std::uint64_t compared = 0;  ///< resident, and compared
    bool complete = true;        ///< false: asked to stop
};

/// Compares every resident page with the disk (O_DIRECT). This reads the disk, but changes nothing in the
/// cache; pages not yet written back are written first, by the kernel. Throws Error (io), as
/// digest_resident() and where the file system is in memory alone.
GGUFMAP_API CacheComparison compare_with_disk(const Model& model, const ReadOptions& options);

}  // namespace ggufmap
