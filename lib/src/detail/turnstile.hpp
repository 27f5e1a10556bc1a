// Lets threads through one by one, in the order of their numbers.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace ggufmap::detail {

class Turnstile {
public:
    /// False where another one has failed: then it is nobody's turn any more.
    bool wait(std::uint64_t number) {
        std::unique_lock lock(mutex_);
        turn_.wait(lock, [&] { return failed_ || next_ == number; });
        return !failed_;
    }
    void pass() {
        const std::scoped_lock lock(mutex_);
        ++next_;
        turn_.notify_all();
    }
    void fail() {
        const std::scoped_lock lock(mutex_);
        failed_ = true;
        turn_.notify_all();
    }

private:
    std::mutex mutex_;
    std::condition_variable turn_;
    std::uint64_t next_ = 0;
    bool failed_ = false;
};

}  // namespace ggufmap::detail
