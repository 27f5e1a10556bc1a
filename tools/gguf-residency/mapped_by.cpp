#include "gguf-residency/mapped_by.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "gguf-residency/counts.hpp"
#include "gguf-residency/lens.hpp"

namespace ggufmap::residency {

MappedBy::MappedBy(const ProcessTable& processes, Models models) {
    for (std::size_t model = 0; model < models.size(); ++model) {
        for (std::uint32_t shard = 0; shard < models[model].shards().size(); ++shard)
            places_.push_back({model, shard});
    }
    scan_ = processes.mappers(maps_identities(models), ProcessTable::Detail::areas);
}

std::vector<std::uint64_t> MappedBy::pids(std::size_t model, const ShardRange& where) const {
    std::vector<std::uint64_t> result;
    for (const Mapper& mapper : scan_.mappers) {
        const bool maps = std::any_of(mapper.areas.begin(), mapper.areas.end(), [&](const MappedArea& area) {
            return place(area).model == model && place(area).shard == where.shard &&
                   area.range.overlaps(where.range);
        });
        if (maps) result.push_back(static_cast<std::uint64_t>(mapper.pid));
    }
    return result;
}

cli::Cell MappedBy::cell_of(const std::vector<std::uint64_t>& pids, cli::Format format) const {
    if (format == cli::Format::json && (scan_.all_seen || !pids.empty())) return pids;
    if (pids.empty() && !scan_.all_seen) return unknown_cell(format);
    return pids.empty() ? cli::Cell() : cli::Cell(fmt::format("{}", fmt::join(pids, ",")));
}

cli::Cell MappedBy::cell(std::size_t model, const ShardRange& where, cli::Format format) const {
    return cell_of(pids(model, where), format);
}

}  // namespace ggufmap::residency
