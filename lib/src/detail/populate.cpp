#include "detail/populate.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22  // <linux/mman.h> since 5.14
#endif

namespace ggufmap::detail {
namespace {

int read_each_page(std::size_t size, int fd, std::size_t offset) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    for (std::size_t done = 0; done < size; done += page) {
        char byte = 0;
        const ssize_t got = ::pread(fd, &byte, 1, static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR) {
            done -= page;
            continue;
        }
        if (got < 0) return errno;
        if (got == 0) return EFAULT;
    }
    return 0;
}

}  // namespace

int populate(std::byte* address, std::size_t size, int fd, std::size_t offset, PopulateWay way) {
    if (way == PopulateWay::kernel) {
        for (;;) {
            if (::madvise(address, size, MADV_POPULATE_READ) == 0) return 0;
            if (errno == EINTR) continue;
            // EFAULT stands for any failed fault: reading tells the end of the file from a broken device.
            if (errno != EINVAL && errno != EFAULT) return errno;
            break;
        }
    }
    return read_each_page(size, fd, offset);
}

}  // namespace ggufmap::detail
