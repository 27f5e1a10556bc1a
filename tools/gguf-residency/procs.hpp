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
    bool direct = false;     ///< has it open with O_DIRECT
    std::string remark;      ///< what a person should know; "" for nothing
};

struct ProcessReport {
    std::vector<ProcessRow> rows;  ///< by model and PID
    Scan sight;
    /// Of all rows; pages that several processes share count once in pss, anonymous_pss, swap_pss and locked.
    MappingCost total;
    std::uint64_t page_tables = 0;  ///< each process once
};

ProcessReport find_processes(const ProcessTable& table, Models models);

}  // namespace ggufmap::residency
