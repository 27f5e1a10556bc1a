// Threads that work on one thing together, and end together.
#pragma once

#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "ggufmap/error.hpp"

namespace ggufmap::detail {

class Gang {
public:
    /// Calls work(0) ... work(count - 1), each on a thread of its own, the first on the caller's. Returns
    /// when all have returned; rethrows the first exception. Members that see failed() may stop early. Throws
    /// Error (io) where there is no room for so many threads: then none works, as members wait for each
    /// other.
    template <typename Work>
    void run(unsigned count, const Work& work) {
        {
            std::atomic<Start> start = Start::wait;
            std::vector<std::jthread> others;
            try {
                others.reserve(count);
                for (unsigned i = 1; i < count; ++i)
                    others.emplace_back([this, i, &work, &start] {
                        start.wait(Start::wait);
                        if (start == Start::go) guarded(i, work);
                    });
            } catch (const std::system_error& error) {
                tell(start, Start::leave);
                throw io_error({}, "cannot start another thread", error.code().value());
            } catch (...) {
                tell(start, Start::leave);
                throw;
            }
            tell(start, Start::go);
            guarded(0, work);
        }
        if (error_) std::rethrow_exception(error_);
    }
    /// The same with fewer threads where the system gives no more, one at least: for work that is handed out
    /// as they come for it.
    template <typename Work>
    void run_up_to(unsigned count, const Work& work) {
        {
            std::vector<std::jthread> others;
            try {
                for (unsigned i = 1; i < count; ++i)
                    others.emplace_back([this, i, &work] { guarded(i, work); });
            } catch (const std::system_error&) {  // the caller's and those that have begun
            }
            guarded(0, work);
        }
        if (error_) std::rethrow_exception(error_);
    }
    bool failed() const { return failed_; }

private:
    enum class Start { wait, go, leave };

    static void tell(std::atomic<Start>& start, Start what) {
        start = what;
        start.notify_all();
    }

    template <typename Work>
    void guarded(unsigned index, const Work& work) {
        try {
            work(index);
        } catch (...) {
            const std::scoped_lock lock(mutex_);
            if (!error_) error_ = std::current_exception();
            failed_ = true;
        }
    }

    std::mutex mutex_;
    std::exception_ptr error_;
    std::atomic<bool> failed_ = false;
};

}  // namespace ggufmap::detail
