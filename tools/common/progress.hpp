// "1.2 GiB of 4.0 GiB, 850.0 MiB/s, 3 s left" on stderr while bytes flow.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "common/io.hpp"

namespace ggufmap::cli {

/// Shown only when stderr is a terminal and nobody asked for quiet; redrawn at most ten times a second; wiped
/// away at the end, so that what remains on the terminal is results and messages.
class Progress {
public:
    using Time = std::chrono::steady_clock::time_point;
    using Clock = std::function<Time()>;

    /// `what`: "hashing model.gguf"; `total`: bytes to come, 0 where unknown. Tests bring their own clock.
    Progress(Io& io, bool quiet, std::string what, std::uint64_t total,
             Clock clock = std::chrono::steady_clock::now);
    /// Wipes the line.
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// `bytes` more are done. Any thread; cheap enough for every MiB.
    void add(std::uint64_t bytes);

private:
    void draw(Time now, std::uint64_t done);

    Io& io_;
    const bool shown_;
    const std::string what_;
    const std::uint64_t total_;
    const Clock clock_;
    const Time begin_;
    std::atomic<std::uint64_t> done_ = 0;
    std::mutex drawing_;
    Time last_;
    bool drawn_ = false;
};

}  // namespace ggufmap::cli
