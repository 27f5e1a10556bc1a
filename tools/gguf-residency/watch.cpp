#include "gguf-residency/watch.hpp"

#include <fmt/format.h>
#include <sys/sysmacros.h>

#include <fstream>
#include <set>

#include "common/numbers.hpp"
#include "common/tool.hpp"
#include "gguf-residency/lens.hpp"
#include "gguf-residency/pause.hpp"
#include "ggufmap/error.hpp"

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

Change change_of(const PageMap& before, const PageMap& after) {
    Change change;
    for (std::uint64_t page = 0; page < after.page_count(); ++page) {
        if (before.present(page) == after.present(page)) continue;
        (after.present(page) ? change.in : change.out) += after.page();
    }
    return change;
}

std::string rate(std::uint64_t bytes, double seconds) {
    return cli::human_size(static_cast<std::uint64_t>(static_cast<double>(bytes) / seconds)) + "/s";
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
    for (const Mapper& mapper : scan.mappers)
        moment.major_faults[{mapper.pid, mapper.started}] = mapper.major_faults;
    moment.memory = read_pressure("memory", view.roots);
    moment.io = read_pressure("io", view.roots);
    return moment;
}

std::string rates(const Moment& before, const Moment& after, std::chrono::duration<double> between) {
    const double seconds = between.count();
    Change change;
    for (std::size_t i = 0; i < after.pages.size(); ++i) {
        if (!before.pages[i] || !after.pages[i]) continue;
        const Change one = change_of(*before.pages[i], *after.pages[i]);
        change.in += one.in;
        change.out += one.out;
    }
    std::string text = fmt::format("in {}  out {}", rate(change.in, seconds), rate(change.out, seconds));
    // What a new process did before it was first seen is not of this time.
    std::uint64_t faults = 0;
    for (const auto& [process, count] : after.major_faults) {
        const auto earlier = before.major_faults.find(process);
        if (earlier != before.major_faults.end()) faults += count - earlier->second;
    }
    text += fmt::format("  major faults {:.0f}/s", static_cast<double>(faults) / seconds);
    if (before.disk_read && after.disk_read)
        text += "  disk " + rate(*after.disk_read - *before.disk_read, seconds);
    if (after.memory) text += fmt::format("  memory pressure {:.1f} %", after.memory->some_avg10);
    if (after.io) text += fmt::format("  io pressure {:.1f} %", after.io->some_avg10);
    return text;
}

cli::Status watch(const View& view, Models models, std::chrono::milliseconds interval, int pid,
                  const std::function<cli::Status()>& show) {
    constexpr std::string_view home_and_clear = "\x1b[H\x1b[J";
    const bool people = view.style.format == cli::Format::table;
    const bool redraw = people && view.io.terminal(cli::Stream::out).present;
    const std::stop_token stop = view.io.stop_token();
    Moment before = look(view, models);
    auto time = std::chrono::steady_clock::now();
    if (redraw) view.io.out(home_and_clear);
    cli::Status status = show();
    view.io.flush();
    while (pause(stop, interval)) {
        Moment after = look(view, models);
        const auto now = std::chrono::steady_clock::now();
        if (people) {  // a stream of documents or rows stays one
            view.io.out(redraw ? home_and_clear : "\n");
            view.io.out(rates(before, after, now - time) + "\n");
        }
        try {
            status = show();
        } catch (const Error& error) {
            if (pid == 0 || error.kind() != ErrorKind::usage) throw;  // it was there when it was asked for
            cli::say(view.args, view.io, fmt::format("process {} has ended, or maps the model no more", pid));
            return status;
        }
        view.io.flush();
        before = std::move(after);
        time = now;
    }
    return status;
}

}  // namespace ggufmap::residency
