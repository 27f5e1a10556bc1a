// Is a model sound? Everything suspicious becomes a Finding with a stable code, worst first in meaning: an
// error breaks the format or a loader, a warning does not. Codes are listed in gguf-inspect(1).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ggufmap/error.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/model.hpp"

namespace ggufmap {

enum class Severity { warning, error };

/// "warning", "error".
GGUFMAP_API std::string_view name_of(Severity severity);

struct Finding {
    std::string_view code;  ///< "overlap", "key-missing" ...: a string literal, never renamed
    Severity severity;
    Error::Where where;
    std::string text;

    /// "FILE: PLACE: offset 0xN: TEXT". Holds names as they stand in files, see printable().
    std::string in_words() const { return ggufmap::in_words(where, text); }
};

/// The error as a finding of severity error.
GGUFMAP_API Finding finding_of(const Error& error);

/// What a file is for, and so what may be demanded of it.
enum class ModelKind {
    model,       ///< weights of a language model
    vocabulary,  ///< a tokenizer without weights
    adapter,     ///< LoRA or control vector
    projector,   ///< mmproj: vision or audio encoder
    imatrix,     ///< importance matrix
    shard,       ///< one of a set, without the shard that says what they are
    other,       ///< something else in GGUF clothes: image models, a caller's own data
};

GGUFMAP_API ModelKind kind_of(const Model& model);
/// "model", "vocabulary", "adapter", "projector", "imatrix", "shard", "other".
GGUFMAP_API std::string_view name_of(ModelKind kind);

/// One shard of several without the others, by its keys or its name: it need not have all keys and tensors.
GGUFMAP_API bool is_shard_alone(const Model& model);

enum class Depth {
    header,  ///< what the header and the sizes of the files tell; time linear in the number of tensors
    full,    ///< also every metadata value, and every byte between and behind the tensors, by pread
};

/// Findings in order of subject: layout, then bytes, then keys, then counts. At most 8 with the same code,
/// then one that says how many there are more. Bounded memory. Throws Error (io) where the files cannot be
/// read, Error (mismatch) where they shrink under us.
GGUFMAP_API std::vector<Finding> check(const Model& model, Depth depth);

/// What there is to say about a model that may be broken.
struct GGUFMAP_API Examination {
    /// Nothing where not even one header could be read. Of a shard set with missing or disagreeing members
    /// the named shard alone.
    std::optional<Model> model;
    std::vector<Finding> findings;

    bool has_errors() const;
};

/// Opens and checks. Errors that blame the model are among the findings; throws those that do not (usage,
/// io).
GGUFMAP_API Examination examine(const std::string& name, const Places& places, Depth depth,
                                const Limits& limits = {});

}  // namespace ggufmap
