// Is this the model that a manifest describes?
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ggufmap/digest.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/manifest.hpp"
#include "ggufmap/model.hpp"
#include "ggufmap/weight_digests.hpp"

namespace ggufmap {

enum class Verdict {
    same,
    different,
    missing,     ///< the manifest has it, the model has not
    added,       ///< the model has it, the manifest has not
    unreadable,  ///< see Check::error
    unchecked,   ///< not resident, where only memory was to be looked at; or the manifest has no digest of
                 ///< the kind that was asked for: then Check::kind and wanted are one of another
};
/// "same", "different", "missing", "new", "unreadable", "unchecked".
GGUFMAP_API std::string_view name_of(Verdict verdict);

/// What a check is about.
enum class CheckSubject { tensor, weights, file };

struct Check {
    CheckSubject subject;
    std::string name;  ///< of the tensor or the file; of the weights, the model as the manifest calls it
    Verdict verdict;
    std::optional<DigestKind> kind = {};      ///< nothing where verdict is added
    std::optional<DigestBytes> wanted = {};   ///< digest in the manifest
    std::optional<DigestBytes> found = {};    ///< digest of what is there
    std::shared_ptr<const Error> error = {};  ///< null: none
};

/// What of a manifest is about this model.
struct VerifyPlan {
    struct Item {
        CheckSubject subject;
        std::string name;   ///< as the manifest has it; empty for a tensor that the model has
        std::size_t index;  ///< into Model::tensors() or shards(); `absent` where the model has it not
        std::optional<std::uint64_t> expert = {};  ///< whose slice of the tensor
        DigestKind kind = {};
        DigestBytes wanted = {};
        bool other_kind = false;  ///< than the one that was asked for: not to be compared
    };
    static constexpr std::size_t absent = ~std::size_t{0};
    std::vector<Item> items;
    bool lists_tensors = false;  ///< then a tensor without an item is new
    bool lists_experts = false;  ///< single experts, as "TENSOR[7]"
    bool lists_files = false;    ///< then a file without an item is new
    std::uint32_t others = 0;    ///< entries about other models or files
};

/// Picks the entries that speak of this model, for each thing the one with the strongest digest, or with
/// `kind`; a thing that has only others is marked. A manifest of a single model fits whatever the file is
/// called now; of several, the one of the same path, or of those of the same name the one whose path has the
/// longest end in common with the file's. Throws Error (usage) if none is about this model or
/// `kind` is not among them, or naming two lines that fit equally well and have different digests.
GGUFMAP_API VerifyPlan plan_verification(const Model& model, const Manifest& manifest,
                                         std::optional<DigestKind> kind = {});

struct GGUFMAP_API Verification {
    std::vector<Check> checks;  ///< tensors in the model's order, missing ones behind; weights; files
    std::uint64_t bytes = 0;    ///< that were to be checked
    std::uint64_t checked = 0;  ///< of these: that have been
    bool complete = true;       ///< false: asked to stop
    std::uint64_t count(Verdict verdict) const;
    /// All that could be checked is the same, and nothing is missing or new.
    bool good() const;
};

/// Reads what the plan asks for. `selection` narrows it to some tensors, then nothing else is checked; Error
/// (usage) if it names experts and the plan lists none. `in_memory`: only tensors that are wholly resident,
/// without touching the disk; no files, no whole-model digests. Throws as digest_weights().
GGUFMAP_API Verification verify(const Model& model, const VerifyPlan& plan, const Selection& selection,
                                bool in_memory, const ReadOptions& options);

/// A digest that a file's name promises.
struct NamedDigest {
    DigestKind kind;
    std::string hex;
    bool git_blob =
        false;  ///< SHA-1 of "blob SIZE\0" and the bytes, as git and Hugging Face name small files
};
/// Of "sha256-<64 hex>" (an Ollama blob), "<64 hex>" and "<40 hex>" (Hugging Face cache blobs), also behind
/// symbolic links. Nothing for other names.
GGUFMAP_API std::optional<NamedDigest> digest_in_name(const File& file);
/// Compares a file's bytes with it.
GGUFMAP_API Check verify_named(const Model& model, std::uint32_t shard, const NamedDigest& named,
                               const ReadOptions& options);

}  // namespace ggufmap
