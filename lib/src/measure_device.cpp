#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <memory>

#include "ggufmap/error.hpp"
#include "ggufmap/prefault.hpp"

namespace ggufmap {
namespace {

// Nothing where the file system has no O_DIRECT.
Fd open_direct(const File& file) {
    try {
        return file.reopen(O_RDONLY | O_DIRECT | O_CLOEXEC);
    } catch (const Error&) {
        return Fd();
    }
}

}  // namespace

std::optional<double> measure_device(const Model& model, std::span<const ShardRange> missing) {
    // Enough to hide the latency of one request.
    constexpr std::uint64_t sample = 8 << 20;
    constexpr std::size_t alignment = 4096;
    if (missing.empty()) return std::nullopt;
    const File& file = model.shards()[missing.front().shard].file;
    const Fd direct = open_direct(file);
    if (!direct) return std::nullopt;
    const std::unique_ptr<void, void (*)(void*)> buffer(::aligned_alloc(alignment, sample), ::free);
    if (!buffer) return std::nullopt;
    const auto begin = std::chrono::steady_clock::now();
    const ssize_t got =
        ::pread(direct.get(), buffer.get(), sample, static_cast<off_t>(missing.front().range.offset));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    if (got <= 0) return std::nullopt;
    return static_cast<double>(got) / took.count();
}

}  // namespace ggufmap
