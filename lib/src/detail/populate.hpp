// Asks the kernel whether mapped pages can be read, before anybody touches them.
#pragma once

#include <cstddef>

#include "ggufmap/export.hpp"

namespace ggufmap::detail {

enum class PopulateWay {
    kernel,  ///< MADV_POPULATE_READ (Linux 5.14), else reading
    read     ///< pread a byte of each page, as older kernels need it; for tests, too
};

/// Makes `size` bytes from the page-aligned `address` present; `fd` and `offset` are what is mapped there.
/// Returns 0 or an errno: EFAULT where a page lies beyond the end of the file, EIO and others from the
/// device. Exported for the unit tests.
GGUFMAP_API int populate(std::byte* address, std::size_t size, int fd, std::size_t offset,
                         PopulateWay way = PopulateWay::kernel);

}  // namespace ggufmap::detail
