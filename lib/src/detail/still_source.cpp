#include "detail/still_source.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "detail/direct_ring.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap::detail {
namespace {

// As the parser reads at most. Offsets and lengths of direct reads are multiples of a block.
constexpr std::size_t largest_read = 512 << 10;
constexpr std::uint64_t block = DirectRing::block;

}  // namespace

StillSource::StillSource(const File& file) : file_(file) {
    if (page_home(file) != PageHome::disk) return;  // no disk behind it, and no readahead
    try {
        resident_.emplace(file, cache_);
    } catch (const Error&) {  // no room, or no mappings (FUSE with direct_io): the disk has the bytes, too
    }
    buffer_.reset(static_cast<std::byte*>(std::aligned_alloc(block, largest_read + 2 * block)));
    if (!buffer_) throw std::bad_alloc();
    try {
        open_to_read(O_RDONLY | O_DIRECT);
    } catch (const Error&) {
        open_to_read(O_RDONLY);
    }
}

void StillSource::open_to_read(int flags) {
    fd_ = file_.reopen(flags);
    ::posix_fadvise(fd_.get(), 0, 0,
                    POSIX_FADV_RANDOM);  // for those that read through the cache all the same
}

std::size_t StillSource::read(std::span<std::byte> out) {
    if (position_ >= file_.size()) return 0;
    out = out.first(std::min<std::uint64_t>({out.size(), largest_read, file_.size() - position_}));
    if (out.empty()) return 0;
    std::size_t got = out.size();
    if (!fd_) {
        got = file_.read_some(position_, out);
    } else if (!copy_resident(out)) {
        got = read_past_cache(out);
    }
    position_ += got;
    return got;
}

bool StillSource::copy_resident(std::span<std::byte> out) {
    if (!resident_) return false;
    try {
        return resident_->copy(position_, out);
    } catch (const Error&) {  // residency is unknown, or process_vm_readv forbidden (seccomp)
        resident_.reset();
        return false;
    }
}

std::size_t StillSource::read_past_cache(std::span<std::byte> out) {
    const Range wanted{position_, out.size()};
    const auto before = cache_.map(file_, wanted);
    const std::size_t got = read_blocks(out);
    if (!before || cache_.query(file_, wanted).resident <= total_size(before->stretches(true)) / page_size())
        return got;
    for (const Range absent : before->stretches(false))
        ::posix_fadvise(fd_.get(), static_cast<off_t>(absent.offset), static_cast<off_t>(absent.size),
                        POSIX_FADV_DONTNEED);
    return got;
}

std::size_t StillSource::read_blocks(std::span<std::byte> out) {
    const Range aligned = page_cover({position_, out.size()}, block);
    for (;;) {
        const ssize_t got =
            ::pread(fd_.get(), buffer_.get(), aligned.size, static_cast<off_t>(aligned.offset));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EINVAL && (::fcntl(fd_.get(), F_GETFL) & O_DIRECT) != 0) {
            open_to_read(O_RDONLY);
            continue;
        }
        if (got < 0) throw io_error({file_.name(), {}, position_}, "cannot read", errno);
        const std::uint64_t before = position_ - aligned.offset;
        const std::uint64_t came = std::max(static_cast<std::uint64_t>(got), before) - before;
        const std::size_t count = std::min<std::uint64_t>(came, out.size());
        std::memcpy(out.data(), buffer_.get() + before, count);
        return count;
    }
}

}  // namespace ggufmap::detail
