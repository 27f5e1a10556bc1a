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

/// Fills in all but pid.
void describe(const std::string& folder, Process& process);

/// Fills in what each area costs and returns the sum. Nothing where smaps may not be read.
std::optional<MappingCost> add_costs(const std::string& folder, std::vector<MappedArea>& areas);

/// Divides MappingCost::shared_huge of each file among the mappers that share it.
void share_out(std::vector<Mapper>& mappers);

}  // namespace ggufmap::detail
