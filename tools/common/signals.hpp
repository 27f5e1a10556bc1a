// INT, TERM and HUP as a std::stop_token.
#pragma once

#include <signal.h>

#include <atomic>
#include <stop_token>
#include <thread>

namespace ggufmap::cli {

/// While it lives, a thread of its own waits for the three signals; no signal handler is installed. Make it
/// before any other thread: they inherit the blocked signals from the thread that makes it. Signals that
/// were ignored at start (nohup) stay ignored.
class Signals {
public:
    Signals();
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    std::stop_token token() const { return stop_.get_token(); }
    /// The first signal that came; 0 for none.
    int received() const { return received_; }

private:
    void watch();
    /// Waits for a signal or the end; 0 at the end or when `timeout_ms` (-1: none) has passed.
    int wait(int timeout_ms) const;

    sigset_t watched_;
    sigset_t previous_;
    int signal_fd_;
    int end_fd_;
    std::stop_source stop_;
    std::atomic<int> received_ = 0;
    std::thread thread_;
};

}  // namespace ggufmap::cli
