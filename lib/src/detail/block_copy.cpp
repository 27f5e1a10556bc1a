#include "detail/block_copy.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "detail/direct_ring.hpp"
#include "detail/gang.hpp"
#include "detail/turnstile.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap::detail {
namespace {

// A thread has one to write and one to read into, in whole huge pages.
constexpr std::uint64_t block_bytes = 1 << 20;

}  // namespace

/// What one thread has to itself.
class BlockCopy::Worker {
public:
    explicit Worker(const BlockCopy& copy)
        : task_(copy.task_), starts_(copy.starts_), memory_(2 * block_bytes + 2 * DirectRing::block) {
        if (memory_.data() == nullptr) throw io_error({}, "cannot get memory", ENOMEM);
    }

    /// Brings the bytes of `range` of the output together; they stay until the next call.
    Bytes read(Range range);
    /// Shows the tap what read() has brought.
    void show(Range range, Bytes bytes) const;

private:
    std::size_t piece_at(std::uint64_t offset) const {
        return static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), offset) -
                                        starts_.begin() - 1);
    }
    /// Calls use(index of the piece, range in the piece, position in `range`) for all that `range` has of
    /// pieces.
    template <typename Use>
    void for_each_part(Range range, const Use& use) const;
    void read_part(std::size_t index, Range part, std::span<std::byte> out);
    void read_cold(const File& source, Range range, std::span<std::byte> out);

    const Task& task_;
    const std::vector<std::uint64_t>& starts_;
    HugeBlock memory_;
    const File* direct_of_ = nullptr;
    Fd direct_;
};

template <typename Use>
void BlockCopy::Worker::for_each_part(Range range, const Use& use) const {
    std::size_t index = piece_at(range.offset);
    for (std::uint64_t at = range.offset; at < range.end(); ++index) {
        const std::uint64_t end = std::min(starts_[index + 1], range.end());
        if (end > at) use(index, Range{at - starts_[index], end - at}, at - range.offset);
        at = end;
    }
}

Bytes BlockCopy::Worker::read(Range range) {
    std::span<std::byte> out = task_.sink.room(range.offset);
    if (out.empty()) out = {memory_.data(), block_bytes};
    out = out.first(range.size);
    for_each_part(range, [&](std::size_t index, Range part, std::uint64_t at) {
        read_part(index, part, out.subspan(at, part.size));
    });
    return out;
}

void BlockCopy::Worker::read_part(std::size_t index, Range part, std::span<std::byte> out) {
    const Piece& piece = task_.pieces[index];
    if (piece.source != nullptr) {
        const Range wanted{piece.range.offset + part.offset, part.size};
        if (task_.cold[index]) return read_cold(*piece.source, wanted, out);
        return piece.source->read_exactly(wanted.offset, out);
    }
    if (piece.text.empty()) {
        std::fill(out.begin(), out.end(), std::byte{0});
    } else {
        std::memcpy(out.data(), piece.text.data() + part.offset, part.size);
    }
}

// Past the page cache into the second block, as the file's alignment is not that of the output.
void BlockCopy::Worker::read_cold(const File& source, Range range, std::span<std::byte> out) {
    if (direct_of_ != &source) {
        direct_ = source.reopen(O_RDONLY | O_DIRECT);
        direct_of_ = &source;
    }
    const Range cover = page_cover(range, DirectRing::block);
    std::byte* const buffer = memory_.data() + block_bytes;
    const std::uint64_t skip = range.offset - cover.offset;
    std::uint64_t done = 0;
    while (done < skip + range.size) {
        const ssize_t got =
            ::pread(direct_.get(), buffer + done, cover.size - done, static_cast<off_t>(cover.offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw io_error({source.name(), {}, cover.offset + done}, "cannot read", errno);
        done += static_cast<std::uint64_t>(got);
        if (got == 0 || done % DirectRing::block != 0) break;  // the end of the file
    }
    if (done < skip + range.size)
        throw Error(ErrorKind::mismatch, {source.name(), {}, cover.offset + done},
                    "the file shrank while it was read");
    std::memcpy(out.data(), buffer + skip, range.size);
}

void BlockCopy::Worker::show(Range range, Bytes bytes) const {
    if (task_.progress.stop_requested()) throw Error(ErrorKind::io, {}, "interrupted", EINTR);
    if (task_.tap)
        for_each_part(range, [&](std::size_t index, Range part, std::uint64_t at) {
            task_.tap(task_.pieces[index], bytes.subspan(at, part.size));
        });
    task_.progress.add(range.size);
}

BlockCopy::BlockCopy(const Task& task) : task_(task) {
    std::uint64_t offset = task.offset;
    for (const Piece& piece : task.pieces) {
        starts_.push_back(offset);
        offset += piece.range.size;
    }
    starts_.push_back(offset);
}

std::uint64_t BlockCopy::run(unsigned jobs) {
    const std::uint64_t end = starts_.back();
    const std::uint64_t first = task_.offset / block_bytes;
    std::atomic<std::uint64_t> next = 0;
    Turnstile turnstile;
    Gang gang;
    gang.run_up_to(std::min(jobs, most_threads), [&](unsigned) {
        try {
            Worker worker(*this);
            for (;;) {
                const std::uint64_t number = next++;
                const std::uint64_t begin = std::max(task_.offset, (first + number) * block_bytes);
                if (begin >= end) return;
                const Range range{begin, std::min(end, (first + number + 1) * block_bytes) - begin};
                const Bytes bytes = worker.read(range);
                if (!turnstile.wait(number)) return;
                worker.show(range, bytes);
                turnstile.pass();
                task_.sink.write(range.offset, bytes);
            }
        } catch (...) {
            turnstile.fail();
            throw;
        }
    });
    return end;
}

}  // namespace ggufmap::detail
