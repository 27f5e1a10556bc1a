// The signals that a keeper answers, taken one by one when it has time for them.
#pragma once

#include <signal.h>

#include <optional>

#include "ggufmap/file.hpp"

namespace ggufmap::prefault_tool {

/// While it lives, INT, TERM, HUP and USR1 wait here instead of ending the process. Make it before any
/// thread: they inherit that. Not together with Io::stop_token(), which takes the same signals.
class SignalQueue {
public:
    SignalQueue();
    ~SignalQueue();
    SignalQueue(const SignalQueue&) = delete;
    SignalQueue& operator=(const SignalQueue&) = delete;

    /// Readable when a signal waits.
    int fd() const { return fd_.get(); }
    /// The next one.
    std::optional<int> next();
    /// INT or TERM waits.
    bool end_waits() const;

private:
    sigset_t previous_;
    Fd fd_;
};

}  // namespace ggufmap::prefault_tool
