#include "detail/resident_pages.hpp"

#include <sys/mman.h>

#include <cerrno>

#include "detail/copy_mapped.hpp"

namespace ggufmap::detail {

Error residency_unknown(const File& file) {
    return {ErrorKind::io, {file.name()}, "the kernel does not tell what of it is in memory"};
}

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
    if (!counts.resident) throw residency_unknown(file_);
    return *counts.resident == counts.total;
}

bool ResidentPages::copy(std::uint64_t offset, std::span<std::byte> out) const {
    const Range range{offset, out.size()};
    if (range.end() > file_.size() || !hold(range)) return false;
    if (range.empty()) return true;
    const int failure = copy_mapped({address_, file_.size()}, offset, out);
    if (failure != 0 && failure != EFAULT)
        throw io_error({file_.name(), {}, offset}, "cannot copy what is in memory", failure);
    return failure == 0;
}

}  // namespace ggufmap::detail
