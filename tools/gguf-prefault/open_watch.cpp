#include "gguf-prefault/open_watch.hpp"

#include <fmt/format.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "ggufmap/error.hpp"

namespace ggufmap::prefault_tool {

OpenWatch::OpenWatch() : fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    if (!fd_) throw io_error({}, "cannot watch files", errno);
}

void OpenWatch::watch(std::size_t number, const Model& model) {
    forget(number);
    for (const Shard& shard : model.shards()) {
        // The open file, not whatever has its name now.
        const std::string path = fmt::format("/proc/self/fd/{}", shard.file.fd());
        const int watch = ::inotify_add_watch(fd_.get(), path.c_str(), IN_OPEN);
        if (watch < 0)
            throw io_error({shard.file.name()}, "cannot watch (see fs.inotify.max_user_watches)", errno);
        numbers_.emplace(watch, number);
    }
}

void OpenWatch::forget(std::size_t number) {
    for (auto one = numbers_.begin(); one != numbers_.end();) {
        const int watch = one->first;
        if (one->second != number) {
            ++one;
            continue;
        }
        one = numbers_.erase(one);
        if (!numbers_.contains(watch)) ::inotify_rm_watch(fd_.get(), watch);
    }
}

bool OpenWatch::share(std::size_t a, std::size_t b) const {
    const auto watched = [this](std::size_t number, int watch) {
        const auto [first, last] = numbers_.equal_range(watch);
        return std::any_of(first, last, [&](const auto& one) { return one.second == number; });
    };
    return a == b || std::any_of(numbers_.begin(), numbers_.end(),
                                 [&](const auto& one) { return one.second == a && watched(b, one.first); });
}

std::set<std::size_t> OpenWatch::opened() {
    std::set<std::size_t> result;
    alignas(inotify_event) std::array<char, 65536> buffer{};
    for (;;) {
        const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return result;
        for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
            inotify_event event{};
            std::memcpy(&event, buffer.data() + at, sizeof event);
            at += sizeof event + event.len;
            const auto [first, last] = numbers_.equal_range(event.wd);
            for (auto one = first; one != last; ++one) result.insert(one->second);
        }
    }
}

}  // namespace ggufmap::prefault_tool
