// Files that have been deleted are found by their old path while somebody maps them.
#pragma once

#include <string>
#include <vector>

#include "ggufmap/file.hpp"
#include "ggufmap/model.hpp"
#include "ggufmap/process.hpp"

namespace ggufmap::residency {

/// The files of a model some of which have lost their name, in order; those that have are opened through a
/// process that still maps them. Empty where all have their names, or nobody maps any that has not. Throws
/// Error (mismatch) where only some are found, Error (io) where they may not be opened.
std::vector<File> files_without_name(const std::string& name, const Places& places,
                                     const ProcessTable& processes);

}  // namespace ggufmap::residency
