#include "gguf-residency/procs.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "common/numbers.hpp"
#include "gguf-residency/lens.hpp"

namespace ggufmap::residency {
namespace {

using cli::human_size;

// Which model each file of a scan belongs to.
struct Files {
    std::vector<MapsIdentity> maps;
    std::vector<FileIdentity> identities;
    std::vector<std::size_t> model;
};

Files files_of(Models models) {
    Files files{maps_identities(models), {}, {}};
    for (std::size_t i = 0; i < models.size(); ++i) {
        for (const Shard& shard : models[i].shards()) {
            files.identities.push_back(shard.file.identity());
            files.model.push_back(i);
        }
    }
    return files;
}

// Memory beside the mapping that is half as large as what is mapped of the model (all of it, where it is only
// open) can hardly be anything but weights that were repacked or read; smaller amounts are the attention
// cache and buffers.
std::vector<std::string> copy_remarks(const ProcessRow& row, const Model& model) {
    const Mapper& mapper = row.mapper;
    const MappingCost mapped = mapper.cost.value_or(MappingCost{});
    const bool in_memory = page_home(model.shards().front().file) == PageHome::tmpfs;
    constexpr std::uint64_t any_program_has = 16 << 20;
    const std::uint64_t weights = mapped.mapped != 0 ? mapped.mapped : model.file_bytes();
    const std::uint64_t least = std::max(weights / 2, any_program_has);
    std::vector<std::string> remarks;
    const auto tell = [&](std::uint64_t bytes, std::uint64_t of_the_mapping, const char* what,
                          const char* why) {
        const std::uint64_t beside = bytes - std::min(bytes, of_the_mapping);
        if (beside >= least)
            remarks.push_back(
                fmt::format("{} of {} memory{}: a copy of the weights (repacked or read), or {}",
                            human_size(beside), what, row.only_open ? "" : " beside the mapping", why));
    };
    tell(mapper.anonymous_rss, mapped.anonymous, "private", "a large context");
    tell(mapper.shared_rss, in_memory ? mapped.rss - std::min(mapped.rss, mapped.anonymous) : 0, "shared",
         "other files in memory");
    return remarks;
}

std::string remark_of(const ProcessRow& row, const Model& model) {
    std::vector<std::string> remarks;
    if (row.stale) remarks.push_back("maps a deleted older version of the file");
    if (row.only_open)
        remarks.push_back(row.direct ? "has it open, does not map it, past the page cache (O_DIRECT)"
                                     : "has it open, does not map it");
    const auto& areas = row.mapper.areas;
    if (!row.stale && std::any_of(areas.begin(), areas.end(), [](const auto& area) { return area.deleted; }))
        remarks.push_back("the file it maps is deleted");
    if (!row.only_open && row.direct) remarks.push_back("has it open past the page cache, too (O_DIRECT)");
    if (!areas.empty() && !row.mapper.cost) remarks.push_back("its smaps may not be read; root sees them");
    if (row.mapper.memory_of != 0)
        remarks.push_back(fmt::format("its memory is that of process {}", row.mapper.memory_of));
    for (std::string& copy : copy_remarks(row, model)) remarks.push_back(std::move(copy));
    return fmt::format("{}", fmt::join(remarks, "; "));
}

// A process that maps several shards of a model is one row; one that maps two models is two.
void add_mappers(ProcessReport& report, const std::vector<Mapper>& mappers, const Files& files, Models models,
                 bool stale) {
    for (const Mapper& mapper : mappers) {
        for (std::size_t model = 0; model < models.size(); ++model) {
            ProcessRow row;
            row.mapper = mapper;
            row.model = model;
            row.stale = stale;
            std::erase_if(row.mapper.areas,
                          [&](const MappedArea& area) { return files.model[area.file] != model; });
            if (row.mapper.areas.empty()) continue;
            if (mapper.cost) {
                row.mapper.cost = MappingCost{};
                for (const MappedArea& area : row.mapper.areas)
                    *row.mapper.cost += area.cost.value_or(MappingCost{});
            }
            report.rows.push_back(std::move(row));
        }
    }
}

void add_openers(ProcessReport& report, const OpenerScan& scan, const Files& files) {
    for (const Opener& opener : scan.openers) {
        if (opener.pid == scan.self) continue;
        const std::size_t model = files.model[opener.file];
        auto row = std::find_if(report.rows.begin(), report.rows.end(), [&](const ProcessRow& candidate) {
            return candidate.mapper.pid == opener.pid && candidate.model == model && !candidate.stale;
        });
        if (row == report.rows.end()) {
            row = report.rows.emplace(row);
            static_cast<Process&>(row->mapper) = opener;
            row->mapper.cost = MappingCost{};
            row->model = model;
            row->only_open = true;
        }
        row->direct = row->direct || opener.direct;
    }
}

// Proportional shares of each memory; what is locked, smaps does not divide.
MappingCost total_of(const ProcessTable& table, const MapperScan& scan) {
    MappingCost total;
    std::uint64_t locked_copies = 0;
    for (const auto* mappers : {&scan.mappers, &scan.stale}) {
        for (const Mapper& mapper : *mappers) {
            if (mapper.memory_of != 0) continue;
            for (const MappedArea& area : mapper.areas) {
                const MappingCost cost = area.cost.value_or(MappingCost{});
                locked_copies += std::min(cost.anonymous_pss, cost.locked);
                total += cost;
            }
        }
    }
    total.locked = locked_once(table, scan.mappers) + locked_once(table, scan.stale) + locked_copies;
    total.locked = std::min(total.locked, total.pss);
    return total;
}

// Those of a memory once, whatever number of models or versions it maps and of processes that have it.
std::uint64_t page_tables_of(const std::vector<ProcessRow>& rows) {
    std::map<int, std::uint64_t> processes;
    for (const ProcessRow& row : rows) {
        if (row.mapper.memory_of == 0) processes[row.mapper.pid] = row.mapper.page_tables;
    }
    std::uint64_t bytes = 0;
    for (const auto& [pid, page_tables] : processes) bytes += page_tables;
    return bytes;
}

}  // namespace

ProcessReport find_processes(const ProcessTable& table, Models models) {
    const Files files = files_of(models);
    const MapperScan mappers = table.mappers(files.maps, ProcessTable::Detail::costs);
    const OpenerScan openers = table.openers(files.identities);
    ProcessReport report;
    report.sight = worse(mappers, openers);
    add_mappers(report, mappers.mappers, files, models, false);
    add_mappers(report, mappers.stale, files, models, true);
    add_openers(report, openers, files);
    for (ProcessRow& row : report.rows) row.remark = remark_of(row, models[row.model]);
    report.total = total_of(table, mappers);
    report.page_tables = page_tables_of(report.rows);
    std::stable_sort(report.rows.begin(), report.rows.end(), [](const ProcessRow& a, const ProcessRow& b) {
        return std::pair(a.model, a.mapper.pid) < std::pair(b.model, b.mapper.pid);
    });
    return report;
}

}  // namespace ggufmap::residency
