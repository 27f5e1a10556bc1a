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
    } catch (
        const Error&) {  // no room, or no mappings at all (FUSE with direct_io): the disk has the bytes, too
    }
    try {
        direct_ = file.reopen(O_RDONLY | O_DIRECT);
    } catch (const Error&) {
    }
}

std::size_t StillSource::read(std::span<std::byte> out) {
    if (position_ >= file_.size()) return 0;
    out = out.first(std::min<std::uint64_t>({out.size(), largest_read, file_.size() - position_}));
    if (out.empty()) return 0;
    std::size_t got = out.size();
    if (!copy_resident(out)) {
        const auto direct = read_direct(out);
        got = direct ? *direct : read_and_let_go(out);
    }
    position_ += got;
    return got;
}

bool StillSource::copy_resident(std::span<std::byte> out) {
    if (!resident_) return false;
    try {
        return resident_->copy(position_, out);
    } catch (const Error&) {  // process_vm_readv is forbidden (seccomp)
        resident_.reset();
        return false;
    }
}

std::optional<std::size_t> StillSource::read_direct(std::span<std::byte> out) {
    if (!direct_) return std::nullopt;
    if (!buffer_) {
        buffer_.reset(static_cast<std::byte*>(std::aligned_alloc(block, largest_read + block)));
        if (!buffer_) throw std::bad_alloc();
    }
    const Range aligned = page_cover({position_, out.size()}, block);
    ssize_t got = 0;
    do {
        got = ::pread(direct_.get(), buffer_.get(), aligned.size, static_cast<off_t>(aligned.offset));
    } while (got < 0 && errno == EINTR);
    if (got < 0 && errno != EINVAL && errno != EOPNOTSUPP)
        throw io_error({file_.name(), {}, position_}, "cannot read", errno);
    if (got < 0) {
        direct_.close();
        return std::nullopt;
    }
    const std::uint64_t before = position_ - aligned.offset;
    const std::uint64_t came = std::max(static_cast<std::uint64_t>(got), before) - before;
    const std::size_t count = std::min<std::uint64_t>(came, out.size());
    std::memcpy(out.data(), buffer_.get() + before, count);
    return count;
}

std::size_t StillSource::read_and_let_go(std::span<std::byte> out) {
    const auto map = cache_.map(file_, {position_, out.size()});
    ::posix_fadvise(file_.fd(), 0, 0, POSIX_FADV_RANDOM);  // without readahead, as far as that goes
    const std::size_t got = file_.read_some(position_, out);
    ::posix_fadvise(file_.fd(), 0, 0, POSIX_FADV_NORMAL);
    if (!map) return got;
    for (const Range absent : map->stretches(false))
        ::posix_fadvise(file_.fd(), static_cast<off_t>(absent.offset), static_cast<off_t>(absent.size),
                        POSIX_FADV_DONTNEED);
    return got;
}

}  // namespace ggufmap::detail
