#include "gguf-residency/record.hpp"

#include <algorithm>

#include "gguf-residency/counts.hpp"
#include "gguf-residency/lens.hpp"
#include "gguf-residency/pause.hpp"
#include "gguf-residency/tables.hpp"

namespace ggufmap::residency {

using cli::Cell;
using cli::Shows;

Recording::Recording(Models models, const Selection& selection) : models_(models) {
    for (std::size_t model = 0; model < models.size(); ++model) {
        entries_.reserve(entries_.size() + models[model].tensors().size());
        measure_each(seen_, models[model], selection, [&](const Portion& portion) {
            if (portion.tensor) entries_.push_back({model, portion, 0, std::nullopt});
        });
    }
}

void Recording::add(const PageMapCache& now, std::chrono::milliseconds time) {
    for (const Model& model : models_) {
        for (const Shard& shard : model.shards())
            seen_.add(shard.file, now.map(shard.file, {0, shard.file.size()})->stretches(true));
    }
    auto entry = entries_.begin();
    while (entry != entries_.end()) {
        // One question for each run of entries in the same file.
        const auto end = std::find_if(entry, entries_.end(), [&](const Entry& other) {
            return other.model != entry->model || other.portion.where.shard != entry->portion.where.shard;
        });
        std::vector<Range> ranges;
        for (auto one = entry; one != end; ++one) ranges.push_back(one->portion.where.range);
        const File& file = models_[entry->model].shards()[entry->portion.where.shard].file;
        for (const CacheCounts& counts : count_each(seen_, file, ranges)) {
            if (counts.resident > entry->portion.bytes.resident) {
                ++entry->samples;
                if (!entry->first) entry->first = std::chrono::duration<double>(time).count();
            }
            entry->portion.bytes = counts;
            ++entry;
        }
    }
}

Recording record(const View& view, Models models, std::chrono::milliseconds duration, int pid) {
    using Clock = std::chrono::steady_clock;
    constexpr std::chrono::milliseconds step(100);
    const std::vector<MapsIdentity> files = maps_identities(models);
    const std::stop_token stop = view.io.stop_token();
    Recording recording(models, view.selection);
    const auto begin = Clock::now();
    Scan sight;
    for (bool first = true;; first = false) {
        PageMapCache now;
        const MapperScan scan = view.processes.mappers(files, ProcessTable::Detail::areas);
        if (first && pid != 0) mapper_of(scan, pid);
        sight = worse(sight, scan);
        add_touched(now, view.processes, scan, models, pid);
        const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
        recording.add(now, time);
        if (time >= duration || !pause(stop, std::min(step, duration - time))) break;
    }
    if (pid == 0) tell_unseen(view, sight);
    return recording;
}

cli::Status show_recording(const View& view, const Recording& recording, Models models) {
    std::vector<cli::Column> columns = {{"model", "MODEL"},
                                        {"tensor", "TENSOR"},
                                        {"layer", "LAYER"},
                                        {"part", "PART"},
                                        {"bytes", "BYTES", Shows::size},
                                        {"touched", "TOUCHED", Shows::size},
                                        {"percent", "%", Shows::percent},
                                        {"samples", "SAMPLES", Shows::number},
                                        {"first_seconds", "FIRST AFTER s", Shows::number}};
    const bool json = view.style.format == cli::Format::json;
    JsonWriter writer(json ? cli::json_sink(view.io) : JsonWriter::Sink([](std::string_view) {}));
    if (json) {
        begin_document(writer, view);
        writer.key("tensors");
    }
    const auto print = [&](cli::Report& report) {
        for (const Recording::Entry& entry : recording.entries()) {
            const Role& role = entry.portion.role;
            report.row({models[entry.model].name(), std::string(entry.portion.tensor->name),
                        layer_name(role.stack, role.layer), std::string(name_of(role.part)),
                        entry.portion.bytes.total,
                        count_cell(entry.portion.bytes.resident, view.style.format),
                        percent_cell(entry.portion.bytes, view.style.format), entry.samples,
                        entry.first ? Cell(*entry.first) : Cell()});
        }
        report.finish();
    };
    if (json) {
        cli::Report report(writer, columns);
        print(report);
        writer.end_object();
        writer.finish();
    } else {
        cli::Report report(view.io, view.style, columns);
        print(report);
    }
    return cli::Status::ok;
}

}  // namespace ggufmap::residency
