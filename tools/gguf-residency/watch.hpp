// --watch: the view again and again, with what happened in between.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "gguf-residency/view.hpp"

namespace ggufmap::residency {

/// What is counted at one moment.
struct Moment {
    std::vector<std::optional<PageMap>> pages;  ///< one a file
    /// Major faults since its start of each process that maps the models, by PID and start.
    std::map<std::pair<int, std::uint64_t>, std::uint64_t> major_faults;
    bool all_seen = true;                    ///< there are no others that may map them
    std::optional<std::uint64_t> disk_read;  ///< bytes that the models' disks have read since boot
    std::optional<Pressure> memory;
    std::optional<Pressure> io;
};
Moment look(const View& view, Models models);

/// Between two moments. Nothing is unknown.
struct Rates {
    std::optional<double> in;  ///< bytes a second, brought into the page cache
    std::optional<double> out;
    std::optional<double> major_faults;     ///< a second
    bool all_seen = true;                   ///< other processes may have had more major faults
    std::optional<double> disk;             ///< bytes a second, read from the models' disks
    std::optional<double> memory_pressure;  ///< percent of the last 10 s
    std::optional<double> io_pressure;
};
Rates rates_between(const Moment& before, const Moment& after, std::chrono::duration<double> between);

/// "in 120 MiB/s  out 0 B/s  major faults 12/s  disk 130 MiB/s  memory pressure 0.1 %  io pressure 3.2 %".
std::string text_of(const Rates& rates);

/// The files that are not any more what they were when they were opened, a line each: of another size, or
/// another file has the name. `named`: by file_names() at the beginning.
std::vector<std::string> changed_files(Models models, const std::vector<bool>& named);
/// Which files still have the name by which they were opened.
std::vector<bool> file_names(Models models);

/// Until asked to stop, or until `pid` (0: none) does not map the models any more.
cli::Status watch(const View& view, Models models, std::chrono::milliseconds interval, int pid,
                  const std::function<cli::Status(const View&)>& show);

}  // namespace ggufmap::residency
