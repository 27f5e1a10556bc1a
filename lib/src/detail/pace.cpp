#include "detail/pace.hpp"

#include <algorithm>

namespace ggufmap::detail {
namespace {

// Waiting for memory a tenth of the time: others feel it. systemd-oomd acts at 60 %.
constexpr double too_much = 0.1;

}  // namespace

Pace::Time Pace::reserve(Time now, std::uint64_t bytes) {
    if (next_ == Time()) next_ = now;
    if (rate_) {
        const std::chrono::duration<double> takes(static_cast<double>(bytes) / static_cast<double>(*rate_));
        next_ += std::chrono::duration_cast<Duration>(takes);
    }
    next_ = std::max(now, next_);
    return next_;
}

void Pace::observe(Time now, std::uint64_t stalled_us) {
    if (last_) {
        const Duration passed = now - last_->time;
        const std::chrono::microseconds stalled(stalled_us - last_->stalled_us);
        if (std::chrono::duration<double>(stalled) > too_much * std::chrono::duration<double>(passed)) {
            next_ = std::max(now, next_) + passed;
            held_back_ += passed;
        }
    }
    last_ = {now, stalled_us};
}

}  // namespace ggufmap::detail
