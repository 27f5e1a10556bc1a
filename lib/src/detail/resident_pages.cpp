#include "detail/resident_pages.hpp"

#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "detail/huge_page.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap::detail {

ResidentPages::ResidentPages(const File& file, const PageCache& cache) : file_(file), cache_(cache) {
    if (file.size() == 0) return;
    void* const address = ::mmap(nullptr, file.size(), PROT_READ, MAP_SHARED, file.fd(), 0);
    if (address == MAP_FAILED) throw io_error({file.name()}, "cannot map", errno);
    address_ = static_cast<std::byte*>(address);
    if (::madvise(address_, file.size(), MADV_RANDOM) == 0) return;
    const int why = errno;
    ::munmap(address_, file.size());
    throw io_error({file.name()}, "cannot map without readahead", why);
}

ResidentPages::~ResidentPages() {
    if (address_ != nullptr) ::munmap(address_, file_.size());
}

bool ResidentPages::hold(Range range) const {
    const CacheCounts counts = cache_.query(file_, range);
    return counts.resident && *counts.resident == counts.total;
}

bool ResidentPages::copy(std::uint64_t offset, std::span<std::byte> out) const {
    const Range range{offset, out.size()};
    if (range.end() > file_.size() || !hold(range)) return false;
    if (range.empty()) return true;
    // The kernel copies: a page that the file has lost meanwhile is an error to it, to us it were a SIGBUS.
    const iovec into{out.data(), out.size()};
    const iovec from{address_ + offset, out.size()};
    const ssize_t got = ::process_vm_readv(::getpid(), &into, 1, &from, 1, 0);
    if (got < 0 && errno != EFAULT)
        throw io_error({file_.name(), {}, offset}, "cannot copy what is in memory", errno);
    // Out of our page tables, not out of memory: what is resident of us does not grow with the file. The
    // kernel maps the whole of a large folio around what is asked for.
    const Range folios = intersection(page_cover(range, huge_page), {0, file_.size()});
    ::madvise(address_ + folios.offset, folios.size, MADV_DONTNEED);
    return got == static_cast<ssize_t>(out.size());
}

}  // namespace ggufmap::detail
