// Names of several models as a column for people.
#pragma once

#include <string>
#include <vector>

namespace ggufmap::residency {

/// Of each model the name of its file where no two have the same; else all names without the directories that
/// they have in common.
std::vector<std::string> short_names(const std::vector<std::string>& names);

}  // namespace ggufmap::residency
