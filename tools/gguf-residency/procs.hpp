// --procs: what each process that maps a model pays for it.
#pragma once

#include <string>
#include <vector>

#include "gguf-residency/view.hpp"

namespace ggufmap::residency {

struct ProcessRow {
    Mapper mapper;
    std::size_t model = 0;   ///< index
    bool stale = false;      ///< maps a deleted older version
    bool only_open = false;  ///< has it open, does not map it
    std::string remark;      ///< what a person should know; "" for nothing
};

struct ProcessReport {
    std::vector<ProcessRow> rows;  ///< by model and PID
    std::uint64_t not_permitted = 0;
    /// Of all rows; proportional shares, so that a page that several processes share counts once.
    MappingCost total;
    std::uint64_t page_tables = 0;
};

ProcessReport find_processes(const ProcessTable& table, Models models);

}  // namespace ggufmap::residency
