// Which bytes of a model a person means. One grammar in every tool: options of one kind add up ("--layer 0
// --layer 5" is both), options of different kinds narrow each other ("--layer 0 --part attn" is the attention
// of layer 0).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ggufmap/bytes.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/layout.hpp"
#include "ggufmap/model.hpp"

namespace ggufmap {

/// A stretch of one file of a model.
struct ShardRange {
    std::uint32_t shard = 0;
    Range range;

    auto operator<=>(const ShardRange&) const = default;
};

/// What the part "header" stands for: all that is before the weights, padding included. Cut to the file.
GGUFMAP_API Range header_range(const Shard& shard);

/// Sorts by shard and offset and joins what touches or overlaps within a shard.
GGUFMAP_API std::vector<ShardRange> merged(std::vector<ShardRange> ranges);

/// "0-7,31": numbers and closed ranges.
class GGUFMAP_API NumberSet {
public:
    /// Throws Error (usage) naming `option` for anything but decimal numbers up to 2^32 - 1, commas and
    /// rising ranges.
    static NumberSet parse(std::string_view text, std::string_view option);
    bool contains(std::uint64_t number) const;
    bool empty() const { return ranges_.empty(); }
    void add(const NumberSet& other);
    /// The highest number; only where not empty().
    std::uint64_t highest() const;

private:
    std::vector<std::pair<std::uint32_t, std::uint32_t>> ranges_;
};

/// What is selected of one tensor, or of the header.
struct Selected {
    const ModelTensor* tensor = nullptr;  ///< null: the header and its padding
    ShardRange where;                     ///< all of it, or the slice of an expert
    std::optional<std::uint64_t> expert;  ///< which expert's slice, where experts were selected
};

class GGUFMAP_API Selection {
public:
    /// Everything.
    Selection() = default;

    /// Shell pattern (fnmatch(3)) over tensor names.
    Selection& add_tensor(std::string glob);
    /// "0-7,31"
    Selection& add_layers(std::string_view numbers);
    /// One of header, embed, attn, ffn, experts, norm, output, other; several with commas.
    Selection& add_parts(std::string_view names);
    /// "0-3": slices of stacked expert tensors; other tensors are then not selected.
    Selection& add_experts(std::string_view numbers);
    /// Only what lies inside these.
    Selection& restrict_to(std::vector<ShardRange> ranges);
    /// "layer=0-7;part=attn": the same four as one text. Throws Error (usage).
    static Selection parse(std::string_view text);

    /// True when nothing narrows it.
    bool everything() const;
    /// True when experts were chosen.
    bool names_experts() const { return !experts_.empty(); }
    /// Throws Error (usage) where a glob, layer or expert matches nothing of this model: a typo must not
    /// select nothing in silence.
    void require_matches(const Model& model) const;
    /// The tensors as a whole, whatever the ranges: is this one touched?
    bool includes(const Tensor& tensor) const;

    /// What is selected, in file order, one entry a tensor (or expert slice). The header is among it where
    /// nothing but parts or ranges narrows. Throws what require_matches() throws. Tensors of unknown size are
    /// left out; of those beyond the end of the file see Model::require_complete.
    std::vector<Selected> of(const Model& model) const;
    /// The same one by one, in memory that the number of tensors bounds: a hostile model has 65,536 slices in
    /// each of them. In file order of tensors; slices of tensors that overlap lie across each other.
    void for_each(const Model& model, const std::function<void(const Selected&)>& visit) const;
    /// The same as disjoint ranges. With everything() all bytes of all files, gaps and trailing bytes
    /// included.
    std::vector<ShardRange> ranges(const Model& model) const;

private:
    bool takes_all_tensors() const;
    bool matches(const Tensor& tensor, const Role& role) const;
    void visit_clipped(const Selected& one, const std::function<void(const Selected&)>& visit) const;

    std::vector<std::string> globs_;
    NumberSet layers_;
    std::vector<Part> parts_;
    NumberSet experts_;
    std::optional<std::vector<ShardRange>> ranges_;
};

}  // namespace ggufmap
