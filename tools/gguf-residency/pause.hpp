// Waiting that a signal can end.
#pragma once

#include <chrono>
#include <stop_token>

namespace ggufmap::residency {

/// False when asked to stop before the time has passed.
bool pause(const std::stop_token& stop, std::chrono::milliseconds time);

}  // namespace ggufmap::residency
