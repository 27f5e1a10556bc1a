#include "gguf-residency/lens.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "common/tool.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap::residency {
namespace {

std::vector<const File*> files_of(Models models) {
    std::vector<const File*> files;
    for (const Model& model : models) {
        for (const Shard& shard : model.shards()) files.push_back(&shard.file);
    }
    return files;
}

}  // namespace

bool is_same(const Model& one, const Model& other) {
    return one.shards().front().file.identity().same_file(other.shards().front().file.identity());
}

std::vector<MapsIdentity> maps_identities(Models models) {
    std::vector<MapsIdentity> identities;
    for (const File* file : files_of(models)) identities.push_back(maps_identity(*file));
    return identities;
}

void add_touched(PageMapCache& seen, const ProcessTable& table, const MapperScan& scan, Models models,
                 int pid) {
    const std::vector<const File*> files = files_of(models);
    for (const Mapper& mapper : scan.mappers) {
        if (pid != 0 && mapper.pid != pid) continue;
        for (const MappedArea& area : mapper.areas) {
            if (const auto pages = table.present_pages(mapper.pid, area))
                seen.add(*files[area.file], pages->stretches(true));
        }
    }
}

const Mapper& mapper_of(const MapperScan& scan, int pid) {
    const auto mapper = std::find_if(scan.mappers.begin(), scan.mappers.end(),
                                     [&](const Mapper& candidate) { return candidate.pid == pid; });
    const bool stale = std::any_of(scan.stale.begin(), scan.stale.end(),
                                   [&](const Mapper& candidate) { return candidate.pid == pid; });
    if (mapper == scan.mappers.end() && stale)
        throw Error(
            ErrorKind::usage, {},
            fmt::format("--pid: process {} maps a deleted older version of the model, not this one", pid));
    if (mapper == scan.mappers.end())
        throw Error(ErrorKind::usage, {},
                    fmt::format("--pid: process {} does not map the model, or may not be looked at", pid));
    return *mapper;
}

PageMapCache pages_of_process(const ProcessTable& table, Models models, int pid, MappingCost* cost) {
    const MapperScan scan = table.mappers(maps_identities(models), ProcessTable::Detail::costs);
    const Mapper& mapper = mapper_of(scan, pid);
    if (cost) *cost = mapper.cost.value_or(MappingCost{});
    PageMapCache pages;
    add_touched(pages, table, scan, models, pid);
    return pages;
}

Scan worse(const Scan& one, const Scan& other) {
    return {std::max(one.not_permitted, other.not_permitted), one.all_seen && other.all_seen, other.self};
}

std::string unseen_text(const Scan& scan) {
    return (scan.not_permitted == 0
                ? std::string("processes of others are hidden (hidepid)")
                : fmt::format("{} process(es) may not be looked at", scan.not_permitted)) +
           "; the host's root would see them";
}

void tell_unseen(const View& view, const Scan& scan) {
    if (!scan.all_seen && !view.args.has("--quiet")) cli::say(view.args, view.io, unseen_text(scan));
}

}  // namespace ggufmap::residency
