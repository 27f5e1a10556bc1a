#include "detail/leased_map.hpp"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <csignal>

#include "detail/copy_mapped.hpp"
#include "detail/populate.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/pagecache.hpp"

namespace ggufmap::detail {

LeasedMap::LeasedMap(const File& file, ReadAhead ahead)
    : file_(file), fd_(file.reopen(O_RDONLY)), ahead_(ahead) {
    void* const address = ::mmap(nullptr, file.size(), PROT_READ, MAP_SHARED, fd_.get(), 0);
    if (address == MAP_FAILED) return;
    address_ = static_cast<std::byte*>(address);
    if (ahead == ReadAhead::no) ::madvise(address_, file.size(), MADV_RANDOM);
}

LeasedMap::~LeasedMap() {
    if (address_ != nullptr) ::munmap(address_, file_.size());
}

std::optional<Bytes> LeasedMap::borrow(Range range) {
    if (address_ == nullptr) return std::nullopt;
    {
        const std::scoped_lock lock(mutex_);
        // A lease that is being broken says so by the type it will have.
        const bool leased = borrowed_ == 0 ? take_lease() : ::fcntl(fd_.get(), F_GETLEASE) == F_RDLCK;
        if (!leased) return std::nullopt;
        ++borrowed_;
    }
    const Range pages = page_cover(range, page_size());
    const std::size_t size = std::min(pages.end(), file_.size()) - pages.offset;
    if (populate(address_ + pages.offset, size, fd_.get(), pages.offset) == 0)
        return Bytes(address_ + range.offset, range.size);
    give_back(range);
    return std::nullopt;
}

void LeasedMap::give_back(Range range) {
    // Out of our page tables, not out of memory: what is resident of us does not grow with the file.
    const Range pages = page_cover(range, page_size());
    ::madvise(address_ + pages.offset, pages.size, MADV_DONTNEED);
    const std::scoped_lock lock(mutex_);
    if (--borrowed_ == 0) ::fcntl(fd_.get(), F_SETLEASE, F_UNLCK);
}

bool LeasedMap::copy(std::uint64_t offset, std::span<std::byte> out) const {
    if (address_ == nullptr || ahead_ == ReadAhead::yes) return false;
    return copy_mapped({address_, file_.size()}, offset, out) == 0;
}

// The kernel tells of a waiting writer by SIGIO, which ends programs; SIGURG is ignored unless somebody wants
// it. Giving a lease up forgets the choice.
bool LeasedMap::take_lease() {
    if (::fcntl(fd_.get(), F_SETSIG, SIGURG) != 0) return false;
    if (::fcntl(fd_.get(), F_SETLEASE, F_RDLCK) != 0) return false;
    if (identify(fd_.get(), file_.name()).size >= file_.size()) return true;  // it was not cut before
    ::fcntl(fd_.get(), F_SETLEASE, F_UNLCK);
    return false;
}

}  // namespace ggufmap::detail
