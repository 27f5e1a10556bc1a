// Rows of layers and tensors, the same for tables and JSON.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
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
/// `model`: its index in `mapped`.
void layer_rows(const std::vector<Portion>& portions, const MappedBy& mapped, std::size_t model,
                cli::Format format, const RowSink& sink);

/// The same, with stacked expert tensors taken apart. Throws Error (usage) where there are none.
Selection with_all_experts(const Selection& selection, const Model& model);

std::vector<cli::Column> portion_columns(bool experts);
/// The row of each portion that is given to it; none of padding. `model`: its index in `mapped`.
std::function<void(const Portion&)> portion_rows(bool experts, const MappedBy& mapped, std::size_t model,
                                                 cli::Format format, RowSink sink);

}  // namespace ggufmap::residency
