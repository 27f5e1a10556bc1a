// --watch: what is counted at one moment, and what happened between two.
#include <fmt/format.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "common/numbers.hpp"
#include "gguf-residency/lens.hpp"
#include "gguf-residency/watch.hpp"

namespace ggufmap::residency {
namespace {

// Field 3 of /sys/dev/block/MAJOR:MINOR/stat: sectors of 512 bytes read. File systems without a disk of their
// own (tmpfs, network, btrfs) have no such file.
std::optional<std::uint64_t> disk_read_bytes(const KernelRoots& roots, std::uint64_t device) {
    std::ifstream stat(fmt::format("{}/dev/block/{}:{}/stat", roots.sys, major(device), minor(device)));
    std::uint64_t ios = 0;
    std::uint64_t merges = 0;
    std::uint64_t sectors = 0;
    if (!(stat >> ios >> merges >> sectors)) return std::nullopt;
    return sectors * 512;
}

struct Change {
    std::uint64_t in = 0;
    std::uint64_t out = 0;
};

// Nothing where one of the maps is missing, or of a file of another size.
std::optional<Change> change_of(const std::optional<PageMap>& before, const std::optional<PageMap>& after) {
    if (!before || !after || before->page_count() != after->page_count()) return std::nullopt;
    Change change;
    for (std::uint64_t page = 0; page < after->page_count(); ++page) {
        if (before->present(page) == after->present(page)) continue;
        (after->present(page) ? change.in : change.out) += after->page();
    }
    return change;
}

std::optional<Change> change_of(const Moment& before, const Moment& after) {
    Change sum;
    for (std::size_t i = 0; i < after.pages.size(); ++i) {
        const auto one = change_of(before.pages[i], after.pages[i]);
        if (!one) return std::nullopt;
        sum.in += one->in;
        sum.out += one->out;
    }
    return sum;
}

// What a new process did before it was first seen is not of this time.
std::uint64_t faults_between(const Moment& before, const Moment& after) {
    std::uint64_t faults = 0;
    for (const auto& [process, count] : after.major_faults) {
        const auto earlier = before.major_faults.find(process);
        if (earlier != before.major_faults.end()) faults += count - std::min(count, earlier->second);
    }
    return faults;
}

std::string bytes_text(std::optional<double> rate) {
    return rate ? cli::human_size(static_cast<std::uint64_t>(*rate)) + "/s" : "unknown";
}

}  // namespace

Moment look(const View& view, Models models) {
    Moment moment;
    std::set<std::uint64_t> devices;
    for (const Model& model : models) {
        for (const Shard& shard : model.shards()) {
            moment.pages.push_back(view.cache.map(shard.file, {0, shard.file.size()}));
            devices.insert(shard.file.identity().device);
        }
    }
    for (const std::uint64_t device : devices) {
        if (const auto bytes = disk_read_bytes(view.roots, device))
            moment.disk_read = moment.disk_read.value_or(0) + *bytes;
    }
    const auto scan = view.processes.mappers(maps_identities(models), ProcessTable::Detail::areas);
    moment.all_seen = scan.all_seen;
    for (const Mapper& mapper : scan.mappers)
        moment.major_faults[{mapper.pid, mapper.started}] = mapper.major_faults;
    moment.memory = read_pressure("memory", view.roots);
    moment.io = read_pressure("io", view.roots);
    return moment;
}

Rates rates_between(const Moment& before, const Moment& after, std::chrono::duration<double> between) {
    const auto a_second = [&](std::uint64_t count) { return static_cast<double>(count) / between.count(); };
    Rates rates;
    if (const auto change = change_of(before, after)) {
        rates.in = a_second(change->in);
        rates.out = a_second(change->out);
    }
    rates.all_seen = before.all_seen && after.all_seen;
    if (rates.all_seen || !after.major_faults.empty())
        rates.major_faults = a_second(faults_between(before, after));
    if (before.disk_read && after.disk_read) rates.disk = a_second(*after.disk_read - *before.disk_read);
    if (after.memory) rates.memory_pressure = after.memory->some_avg10;
    if (after.io) rates.io_pressure = after.io->some_avg10;
    return rates;
}

std::string text_of(const Rates& rates) {
    std::string text = fmt::format("in {}  out {}", bytes_text(rates.in), bytes_text(rates.out));
    if (!rates.major_faults)
        text += "  major faults unknown";
    else
        text +=
            fmt::format("  major faults {}{:.0f}/s", rates.all_seen ? "" : "at least ", *rates.major_faults);
    if (rates.disk) text += "  disk " + bytes_text(rates.disk);
    if (rates.memory_pressure) text += fmt::format("  memory pressure {:.1f} %", *rates.memory_pressure);
    if (rates.io_pressure) text += fmt::format("  io pressure {:.1f} %", *rates.io_pressure);
    return text;
}

}  // namespace ggufmap::residency
