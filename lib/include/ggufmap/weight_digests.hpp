// Digests and scans of a model's weights in one pass.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ggufmap/digest.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/scan.hpp"
#include "ggufmap/select.hpp"
#include "ggufmap/weights.hpp"

namespace ggufmap {

/// Digests of one thing, by the request's kinds; empty where a kind is not made for it.
struct Digests {
    std::vector<std::string> hex;
    std::optional<Error> error = {};  ///< why there are none: unreadable, or changed while it was read
};

struct WeightRequest {
    std::vector<DigestKind> kinds = {};
    bool tensors = true;  ///< one digest a tensor (all kinds but uuid)
    bool model = false;   ///< one of all tensors behind one another, in the order of their infos
    bool files = false;   ///< one of each file (all kinds but uuid)
    bool scan = false;
    Selection selection = {};  ///< which tensors; with anything but everything, `model` must be false
};

struct WeightReport {
    std::vector<DigestKind> kinds;
    std::vector<Selected> tensors;  ///< what was asked about, in the order of their infos
    std::vector<Digests> digests;   ///< by `tensors`
    std::vector<TensorScan> scans;  ///< by `tensors`; empty without `scan`
    std::optional<Digests> model;
    std::vector<Digests> files;  ///< by Model::shards(); empty without `files`
    bool complete = true;        ///< false: asked to stop, and what is here is not to be used
};

/// What a whole-model digest of these kinds would need is read once, files included, where tensors lie in
/// their files in the order of their infos and do not overlap; otherwise files are read a second time. Throws
/// what Model::require_complete, Selection::of and read_each throw.
GGUFMAP_API WeightReport digest_weights(const Model& model, const WeightRequest& request,
                                        const ReadOptions& options);

/// What digest_weights() reads: the same selection without the header.
GGUFMAP_API std::vector<Selected> selected_tensors(const Model& model, const Selection& selection);

}  // namespace ggufmap
