// Windows on their way from one reader to several lanes, each of which sees all of them in order.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "detail/window_stream.hpp"

namespace ggufmap::detail {

class Relay {
public:
    /// Windows that may be under way. Four keep a lane busy while another is slow, and let what one lane has
    /// brought into the processor's cache still be there for the next.
    static constexpr std::size_t depth = 4;

    explicit Relay(unsigned lanes) : taken_(lanes, 0) {}

    /// Reader: waits for a free place, gives back to `stream` what all lanes are through with, and fills
    /// the place. False at the stream's end, or after close().
    bool pass_on(WindowStream& stream);
    /// Reader: no more will come.
    void close();
    /// Reader, when the lanes have ended: gives the rest back.
    void release_all(WindowStream& stream);

    /// Lane: the next window, null at the end. Good until the lane's next call.
    const Window* take(unsigned lane);

private:
    std::uint64_t slowest() const;
    Window& place(std::uint64_t number) { return windows_[number % depth]; }

    std::array<Window, depth> windows_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::uint64_t passed_ = 0;          // windows handed to the lanes
    std::uint64_t released_ = 0;        // windows given back
    std::vector<std::uint64_t> taken_;  // a lane: windows it has begun; all but the last it is through with
    bool closed_ = false;
};

}  // namespace ggufmap::detail
