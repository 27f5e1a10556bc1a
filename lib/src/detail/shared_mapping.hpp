// A whole file mapped for writing.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <span>

namespace ggufmap::detail {

class SharedMapping {
public:
    /// The file has `size` bytes, all of them allocated: touching a page that could not be would be a SIGBUS.
    SharedMapping(int fd, std::size_t size)
        : mapping_(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)), size_(size) {}
    ~SharedMapping() {
        if (usable()) ::munmap(mapping_, size_);
    }
    SharedMapping(const SharedMapping&) = delete;
    SharedMapping& operator=(const SharedMapping&) = delete;

    /// False where mmap(2) has failed; errno says why right after construction.
    bool usable() const { return mapping_ != MAP_FAILED; }
    std::span<std::byte> bytes() const { return {static_cast<std::byte*>(mapping_), size_}; }

private:
    void* mapping_;
    std::size_t size_;
};

}  // namespace ggufmap::detail
