// What /proc/PID says of a process.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ggufmap/process.hpp"

namespace ggufmap::detail {

/// Calls visit with the name of each entry that is a number: PIDs, descriptors. False where the directory
/// cannot be read (errno says why).
bool for_each_number(const std::string& directory, const std::function<void(int)>& visit);

/// What has just failed was not permitted.
bool refused();

/// `folder` is /proc/PID. The name a person would use: the program's, as threads of some runtimes rename
/// themselves.
std::string command_of(const std::string& folder);

/// Fills in all but pid. False where the process has ended.
bool describe(const std::string& folder, Process& process);

/// The process that maps `areas`, described. Nothing where it has ended meanwhile, or maps none of them any
/// more. Without cost where that is not asked for, or smaps may not be read.
std::optional<Mapper> mapper_in(const std::string& folder, int pid, std::vector<MappedArea> areas,
                                ProcessTable::Detail detail);

/// Folder of a thread that still runs where the main thread of the process has exited, and shows nothing of
/// it any more (no memory, no open files). Nothing for any other process.
std::optional<std::string> living_thread(const std::string& folder);

/// Divides MappingCost::shared_huge of each file among the mappers that share it.
void share_out(std::vector<Mapper>& mappers);

}  // namespace ggufmap::detail
