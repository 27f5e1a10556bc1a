// How fast reading may go: a rate that the caller sets, and pauses while the machine is short of memory.
// Arithmetic only: the caller tells the time and does the waiting.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "ggufmap/export.hpp"

namespace ggufmap::detail {

class GGUFMAP_API Pace {
public:
    using Time = std::chrono::steady_clock::time_point;
    using Duration = std::chrono::steady_clock::duration;

    /// `rate` in bytes a second; nothing: no limit.
    explicit Pace(std::optional<std::uint64_t> rate) : rate_(rate) {}

    /// When the next `bytes` may be read, by whichever thread asked: when their time has passed, so that the
    /// rate is not exceeded at the start either.
    Time reserve(Time now, std::uint64_t bytes);
    /// What /proc/pressure/memory counts: microseconds in which some task waited for memory, ever. If that
    /// was more than a tenth of the time since the last call, everybody pauses as long as that time was.
    void observe(Time now, std::uint64_t stalled_us);
    /// Pauses so far.
    Duration held_back() const { return held_back_; }

private:
    struct Sample {
        Time time;
        std::uint64_t stalled_us;
    };
    std::optional<std::uint64_t> rate_;
    Time next_{};
    std::optional<Sample> last_;
    Duration held_back_{};
};

}  // namespace ggufmap::detail
