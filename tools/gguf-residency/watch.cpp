#include "gguf-residency/watch.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "common/tool.hpp"
#include "gguf-residency/pause.hpp"
#include "gguf-residency/screen.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::residency {
namespace {

bool has_its_name(const File& file) {
    struct stat status {};
    return ::stat(file.name().c_str(), &status) == 0 &&
           file.identity().same_file({status.st_dev, status.st_ino});
}

std::string change_of(const File& file, bool was_named) {
    struct stat status {};
    if (was_named && ::stat(file.name().c_str(), &status) != 0)
        return "has been removed; what is shown is the removed file";
    if (was_named && !has_its_name(file)) return "has been replaced; what is shown is the old file";
    if (::fstat(file.fd(), &status) == 0 && static_cast<std::uint64_t>(status.st_size) != file.size())
        return fmt::format("has {} bytes now, had {} when it was opened", status.st_size, file.size());
    return "";
}

}  // namespace

std::vector<bool> file_names(Models models) {
    std::vector<bool> named;
    for (const Model& model : models) {
        for (const Shard& shard : model.shards()) named.push_back(has_its_name(shard.file));
    }
    return named;
}

std::vector<std::string> changed_files(Models models, const std::vector<bool>& named) {
    std::vector<std::string> changes;
    std::size_t index = 0;
    for (const Model& model : models) {
        for (const Shard& shard : model.shards()) {
            const std::string change = change_of(shard.file, named[index++]);
            if (!change.empty()) changes.push_back(shard.file.name() + ": " + change);
        }
    }
    return changes;
}

cli::Status watch(const View& view, Models models, std::chrono::milliseconds interval, int pid,
                  const std::function<cli::Status(const View&)>& show) {
    const bool people = view.style.format == cli::Format::table && !view.args.has("--quiet");
    const bool redraw = people && view.io.terminal(cli::Stream::out).present;
    const std::stop_token stop = view.io.stop_token();
    const std::vector<bool> named = file_names(models);
    std::optional<Rates> rates;
    std::set<std::string> told;
    Moment before = look(view, models);
    auto time = std::chrono::steady_clock::now();
    const auto show_now = [&] {
        std::string heading = rates ? text_of(*rates) : "";
        const std::vector<std::string> changes = changed_files(models, named);
        for (const std::string& change : changes) {
            if (!redraw && told.insert(change).second) cli::say(view.args, view.io, change);
        }
        cli::Style style = view.style;
        style.continues = rates.has_value();  // one heading for all rows
        if (!redraw) {
            if (people && rates) view.io.out("\n" + heading + "\n");  // documents and rows stay a stream
            return show({view.args, view.io, style, view.selection, view.cache, view.processes, view.roots,
                         view.noun, view.referenced, &rates});
        }
        std::vector<std::string> lines;
        if (rates) lines.push_back(heading);
        for (const std::string& change : changes) lines.push_back(printable(change));
        Screen screen(view.io, lines);
        const cli::Status status = show({view.args, screen, style, view.selection, view.cache, view.processes,
                                         view.roots, view.noun, view.referenced, &rates});
        screen.print();
        return status;
    };
    cli::Status status = show_now();
    view.io.flush();
    while (pause(stop, interval)) {
        Moment after = look(view, models);
        const auto now = std::chrono::steady_clock::now();
        rates = rates_between(before, after, now - time);
        try {
            status = show_now();
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
