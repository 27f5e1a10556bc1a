// Rows of layers and tensors, the same for tables and JSON.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/report.hpp"
#include "gguf-residency/mapped_by.hpp"
#include "ggufmap/residency.hpp"

namespace ggufmap::residency {

/// Is given each row in turn, to do with as it likes.
using RowSink = std::function<void(std::vector<cli::Cell>&)>;

/// "7", "enc 7"; "-" for what belongs to no layer.
std::string layer_name(std::string_view stack, std::optional<std::uint32_t> layer);

std::vector<cli::Column> layer_columns();
/// Portions added up to a row for each layer.
class LayerRows {
public:
    /// `model`: its index in `mapped`.
    LayerRows(const MappedBy& mapped, std::size_t model) : mapped_(mapped), model_(model) {}

    void add(const Portion& portion);
    const CacheCounts& total() const { return tally_.total(); }
    void write(cli::Format format, const RowSink& sink) const;

private:
    using Key = std::pair<std::string_view, std::optional<std::uint32_t>>;

    const MappedBy& mapped_;
    std::size_t model_;
    LayerTally tally_;
    std::map<Key, std::set<std::uint64_t>> pids_;  ///< who maps something of a layer
};

/// The same, with stacked expert tensors taken apart: all experts where none were chosen. Throws Error
/// (usage) where there are none.
Selection with_experts(const Selection& selection, const Model& model);

std::vector<cli::Column> portion_columns(bool experts);
/// The row of each portion that is given to it; none of padding. `model`: its index in `mapped`.
std::function<void(const Portion&)> portion_rows(bool experts, const MappedBy& mapped, std::size_t model,
                                                 cli::Format format, RowSink sink);

}  // namespace ggufmap::residency
