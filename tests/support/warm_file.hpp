// A file on a disk whose page cache a test arranges: evicted, warmed page by page, kept in place by a mapping
// (the kernel of some virtual machines takes unmapped pages away after a minute).
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "ggufmap/file.hpp"

namespace ggufmap::test {

class WarmFile {
public:
    /// Of `size` bytes, in the working directory, written to the disk and evicted.
    explicit WarmFile(std::size_t size) : WarmFile(std::string(size, 'w')) {}
    explicit WarmFile(const std::string& content) : path_("warm-file-XXXXXX") {
        fd_ = Fd(::mkostemp(path_.data(), O_CLOEXEC));
        if (!fd_) throw std::runtime_error("cannot make a file to warm");
        if (::write(fd_.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size()))
            throw std::runtime_error("cannot fill the file to warm");
        ::fsync(fd_.get());
        ::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_RANDOM);  // without readahead, what is read is resident
        address_ = ::mmap(nullptr, content.size(), PROT_READ, MAP_SHARED, fd_.get(), 0);
        size_ = content.size();
        evict();
    }
    ~WarmFile() {
        ::munmap(address_, size_);
        ::unlink(path_.c_str());
    }
    WarmFile(const WarmFile&) = delete;
    WarmFile& operator=(const WarmFile&) = delete;

    const std::string& path() const { return path_; }
    int fd() const { return fd_.get(); }
    const void* address() const { return address_; }
    File open() const { return File::open(path_); }

    void evict() const { ::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED); }
    void warm(Range range) const {
        std::vector<char> buffer(range.size);
        if (::pread(fd_.get(), buffer.data(), buffer.size(), static_cast<off_t>(range.offset)) !=
            static_cast<ssize_t>(range.size))
            throw std::runtime_error("cannot warm");
    }
    /// Changes bytes in the page cache without writing them to the disk.
    void dirty(Range range) const {
        const std::string bytes(range.size, 'd');
        if (::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(range.offset)) !=
            static_cast<ssize_t>(range.size))
            throw std::runtime_error("cannot dirty");
    }

private:
    std::string path_;
    Fd fd_;
    void* address_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace ggufmap::test
