// Which processes map which bytes of a model.
#pragma once

#include <vector>

#include "common/report.hpp"
#include "gguf-residency/view.hpp"

namespace ggufmap::residency {

class MappedBy {
public:
    /// One look at all processes, for all models.
    MappedBy(const ProcessTable& processes, Models models);

    /// Processes that map some of these bytes, by PID.
    std::vector<std::uint64_t> pids(std::size_t model, const ShardRange& where) const;
    /// PIDs as a cell: a list in JSON, "12,34" or nothing elsewhere. An empty list where some processes may
    /// not be looked at is unknown_cell().
    cli::Cell cell_of(const std::vector<std::uint64_t>& pids, cli::Format format) const;
    cli::Cell cell(std::size_t model, const ShardRange& where, cli::Format format) const;

    const MapperScan& scan() const { return scan_; }
    /// Which model and shard MappedArea::file stands for.
    struct Place {
        std::size_t model;
        std::uint32_t shard;
    };
    const Place& place(const MappedArea& area) const { return places_[area.file]; }

private:
    std::vector<Place> places_;
    MapperScan scan_;
};

}  // namespace ggufmap::residency
