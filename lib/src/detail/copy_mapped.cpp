#include "detail/copy_mapped.hpp"

#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "detail/huge_page.hpp"
#include "ggufmap/bytes.hpp"

namespace ggufmap::detail {

int copy_mapped(std::span<std::byte> map, std::uint64_t offset, std::span<std::byte> out) {
    const iovec into{out.data(), out.size()};
    const iovec from{map.data() + offset, out.size()};
    const ssize_t got = ::process_vm_readv(::getpid(), &into, 1, &from, 1, 0);
    const int why = got < 0 ? errno : EFAULT;
    // Out of our page tables, not out of memory: what is resident of us does not grow with the file. The
    // kernel maps the whole of a large folio around what is asked for.
    const Range folios = intersection(page_cover({offset, out.size()}, huge_page), {0, map.size()});
    ::madvise(map.data() + folios.offset, folios.size, MADV_DONTNEED);
    return got == static_cast<ssize_t>(out.size()) ? 0 : why;
}

}  // namespace ggufmap::detail
