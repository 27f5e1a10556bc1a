#include "gguf-residency/pause.hpp"

#include <condition_variable>
#include <mutex>

namespace ggufmap::residency {

bool pause(const std::stop_token& stop, std::chrono::milliseconds time) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, time, [] { return false; });
    return !stop.stop_requested();
}

}  // namespace ggufmap::residency
