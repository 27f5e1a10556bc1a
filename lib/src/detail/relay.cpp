#include "detail/relay.hpp"

#include <algorithm>

namespace ggufmap::detail {

// Windows that every lane is through with.
std::uint64_t Relay::slowest() const {
    const std::uint64_t begun = *std::min_element(taken_.begin(), taken_.end());
    return begun == 0 ? 0 : begun - 1;
}

bool Relay::pass_on(WindowStream& stream) {
    std::uint64_t free_up_to = 0;
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return closed_ || passed_ - slowest() < depth; });
        if (closed_) return false;
        free_up_to = slowest();
    }
    while (released_ < free_up_to) stream.release(place(released_++));
    if (!stream.next(place(passed_))) return false;
    const std::scoped_lock lock(mutex_);
    ++passed_;
    changed_.notify_all();
    return true;
}

void Relay::close() {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    changed_.notify_all();
}

void Relay::release_all(WindowStream& stream) {
    while (released_ < passed_) stream.release(place(released_++));
}

const Window* Relay::take(unsigned lane) {
    std::unique_lock lock(mutex_);
    std::uint64_t& taken = taken_[lane];
    ++taken;
    changed_.notify_all();
    changed_.wait(lock, [&] { return closed_ || taken <= passed_; });
    return taken <= passed_ ? &place(taken - 1) : nullptr;
}

}  // namespace ggufmap::detail
