#include "detail/warmer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "detail/huge_page.hpp"
#include "detail/populate.hpp"
#include "ggufmap/checked.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap::detail {
namespace {

// What is mapped at once: it counts as our memory while it is.
constexpr std::uint64_t mapped_at_once = 2 << 20;
// Buffers of read(): of one thread, and of all together.
constexpr std::size_t most_buffer = 1 << 20;
constexpr std::size_t all_buffers = 8 << 20;
// readahead(2) cuts longer requests silently; the smallest window that kernels start with.
constexpr std::uint64_t ahead_at_once = 128 << 10;

// A stretch of a file in our address space, for a moment.
class Mapped {
public:
    Mapped(int fd, Range range) : size_(range.size) {
        address_ = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd, static_cast<off_t>(range.offset));
    }
    ~Mapped() {
        if (*this) ::munmap(address_, size_);
    }
    Mapped(const Mapped&) = delete;
    Mapped& operator=(const Mapped&) = delete;

    explicit operator bool() const { return address_ != MAP_FAILED; }
    std::byte* address() const { return static_cast<std::byte*>(address_); }
    bool advise(int advice) const { return ::madvise(address_, size_, advice) == 0; }

private:
    void* address_;
    std::size_t size_;
};

// hugetlbfs knows neither sendfile nor readahead.
WarmWay way_for(const File& file, WarmWay way) {
    if (way != WarmWay::automatic) return way;
    struct statfs status {};
    const bool huge = ::fstatfs(file.fd(), &status) == 0 && status.f_type == HUGETLBFS_MAGIC;
    return huge ? WarmWay::read : WarmWay::automatic;
}

}  // namespace

Warmer::Warmer(const File& file, WarmWay way, std::size_t warmers)
    : file_(file),
      way_(way_for(file, way)),
      read_at_once_(std::min(most_buffer, all_buffers / warmers)),
      fd_(file.reopen(O_RDONLY | O_CLOEXEC)),
      null_(::open("/dev/null", O_WRONLY | O_CLOEXEC)) {
    if (!null_) throw io_error({"/dev/null"}, "cannot open", errno);
}

void Warmer::fail(std::uint64_t offset, int failure) const {
    const std::uint64_t now = identify(fd_.get(), file_.name()).size;
    if (now < file_.size())
        throw Error(
            ErrorKind::mismatch, {file_.name(), {}, now},
            fmt::format("the file shrank while it was read: {} bytes before, {} now", file_.size(), now));
    throw io_error({file_.name(), {}, offset}, "cannot bring into memory", failure);
}

void Warmer::stream(Range range) {
    ::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_NORMAL);
    switch (way_) {
        case WarmWay::automatic:
        case WarmWay::sendfile:
            return send(range);
        case WarmWay::populate:
            return populate(range);
        case WarmWay::read:
            return read(range);
        case WarmWay::willneed:
            return small(range);
    }
}

// Huge pages where they fit, single pages at the edges.
void Warmer::exact(Range range) {
    if (way_ == WarmWay::willneed) return small(range);
    const std::uint64_t first = *checked::align_up(range.offset, huge_page);
    const std::uint64_t last = range.end() / huge_page * huge_page;
    if (first >= last) return small(range);
    // The edges are on their way while the middle is waited for.
    const Range head{range.offset, first - range.offset};
    const Range tail{last, range.end() - last};
    ask_for(head);
    ask_for(tail);
    for (std::uint64_t at = first; at < last; at += huge_page) {
        if (huge({at, huge_page})) continue;
        small({at, last - at});
        break;
    }
    wait_for(head);
    wait_for(tail);
}

void Warmer::send(Range range) {
    auto offset = static_cast<off_t>(range.offset);
    const auto end = static_cast<off_t>(range.end());
    while (offset < end) {
        const ssize_t sent =
            ::sendfile(null_.get(), fd_.get(), &offset, static_cast<std::size_t>(end - offset));
        if (sent > 0 || (sent < 0 && errno == EINTR)) continue;
        const auto at = static_cast<std::uint64_t>(offset);
        if (sent < 0 && (errno == EINVAL || errno == ENOSYS) && way_ == WarmWay::automatic) {
            way_ = WarmWay::read;
            return read({at, range.end() - at});
        }
        fail(at, sent == 0 ? ENODATA : errno);
    }
}

void Warmer::read(Range range) {
    buffer_.resize(read_at_once_);
    while (!range.empty()) {
        const ssize_t got =
            ::pread(fd_.get(), buffer_.data(), std::min<std::uint64_t>(range.size, read_at_once_),
                    static_cast<off_t>(range.offset));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) fail(range.offset, got == 0 ? ENODATA : errno);
        const auto size = static_cast<std::uint64_t>(got);
        range = {range.offset + size, range.size - size};
    }
}

void Warmer::populate(Range range) {
    while (!range.empty()) {
        const Range step{range.offset, std::min(range.size, mapped_at_once)};
        const Mapped mapped(fd_.get(), step);
        if (!mapped) fail(step.offset, errno);
        mapped.advise(MADV_SEQUENTIAL);  // otherwise a fault reads backwards, too
        const int failure = detail::populate(mapped.address(), step.size, fd_.get(), step.offset);
        if (failure != 0) fail(step.offset, failure);
        range = {step.end(), range.size - step.size};
    }
}

void Warmer::will_need(Range range) {
    while (!range.empty()) {
        const Range step{range.offset, std::min(range.size, ahead_at_once)};
        const int failure = ::posix_fadvise(fd_.get(), static_cast<off_t>(step.offset),
                                            static_cast<off_t>(step.size), POSIX_FADV_WILLNEED);
        if (failure != 0) fail(step.offset, failure);
        range = {step.end(), range.size - step.size};
    }
}

void Warmer::ask_for(Range range) {
    if (range.empty()) return;
    ::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_RANDOM);
    will_need(range);
}

// Reading would not do: a page that stream() has marked sets off more readahead even on a descriptor that is
// to have none (mm/readahead.c, page_cache_async_ra). A mapping that is to have none ignores marks.
void Warmer::wait_for(Range range) {
    while (!range.empty()) {
        const std::uint64_t begin = range.offset / page_size() * page_size();
        const Range step = intersection({begin, mapped_at_once}, {begin, range.end() - begin});
        const Mapped mapped(fd_.get(), step);
        if (!mapped || !mapped.advise(MADV_RANDOM)) {  // FUSE with direct_io, hugetlbfs
            return way_ == WarmWay::read ? read(range) : send(range);
        }
        const int failure = detail::populate(mapped.address(), step.size, fd_.get(), step.offset);
        if (failure != 0) fail(step.offset, failure);
        range = {step.end(), range.end() - step.end()};
    }
}

void Warmer::small(Range range) {
    ask_for(range);
    wait_for(range);
}

// A fault in a mapping that is advised both ways reads the one huge page around it (mm/filemap.c,
// do_sync_mmap_readahead, since 5.18). False where this kernel has no huge pages: it would read page by page.
bool Warmer::huge(Range range) {
    const Mapped mapped(fd_.get(), range);
    if (!mapped || !mapped.advise(MADV_HUGEPAGE) || !mapped.advise(MADV_RANDOM)) return false;
    const int failure = detail::populate(mapped.address(), range.size, fd_.get(), range.offset);
    if (failure != 0) fail(range.offset, failure);
    return true;
}

}  // namespace ggufmap::detail
