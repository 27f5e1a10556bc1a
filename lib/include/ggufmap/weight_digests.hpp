// Digests and scans of a model's weights in one pass.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ggufmap/digest.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/scan.hpp"
#include "ggufmap/select.hpp"
#include "ggufmap/weights.hpp"

namespace ggufmap {

/// Digests of many things, a few bytes each: a model may have 500,000 tensors.
class GGUFMAP_API DigestTable {
public:
    DigestTable() = default;
    DigestTable(const std::vector<DigestKind>& kinds, std::size_t things);

    std::size_t size() const { return things_; }
    /// Digest by place in `kinds`; empty where that kind is not made for the thing.
    std::string hex(std::size_t thing, std::size_t kind) const;
    /// Its bytes, likewise; a view that set() and the table's end invalidate.
    Bytes digest(std::size_t thing, std::size_t kind) const;
    /// Why its digests are void: unreadable, or changed while it was read. Null: they are not.
    const Error* error(std::size_t thing) const;

    /// Several threads may set different digests at once, but not fail().
    void set(std::size_t thing, std::size_t kind, Bytes digest);
    void fail(std::size_t thing, std::shared_ptr<const Error> error);

private:
    struct Column {
        DigestKind kind;
        std::size_t offset;  // in a row: a byte that is 1 where there is a digest, and the digest
    };
    std::vector<Column> columns_;
    std::size_t row_bytes_ = 0;
    std::size_t things_ = 0;
    std::vector<std::byte> rows_;
    std::map<std::size_t, std::shared_ptr<const Error>> errors_;
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
    DigestTable digests;            ///< by `tensors`
    std::vector<TensorScan> scans;  ///< by `tensors`; empty without `scan`
    DigestTable model;              ///< one thing; none without `model`
    DigestTable files;              ///< by Model::shards(); none without `files`
    bool complete = true;           ///< false: asked to stop, and what is here is not to be used
};

/// Void where a file has changed meanwhile: then all that lies in it has that one error.
///
/// What a whole-model digest of these kinds would need is read once, files included, where tensors lie in
/// their files in the order of their infos and do not overlap; otherwise files are read a second time. Throws
/// what Model::require_complete, selected_tensors and read_each throw.
GGUFMAP_API WeightReport digest_weights(const Model& model, const WeightRequest& request,
                                        const ReadOptions& options);

/// What digest_weights() reads: the same selection without the header. Throws what Selection::of throws;
/// Error (malformed) where so many tensors overlap that they would add up to more than their file.
GGUFMAP_API std::vector<Selected> selected_tensors(const Model& model, const Selection& selection);

}  // namespace ggufmap
