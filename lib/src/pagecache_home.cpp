// What a file is made of: pages of a disk or of memory, data and holes.
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "detail/memory_files.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/pagecache.hpp"

namespace ggufmap {

PageHome page_home(const File& file) {
    struct statfs status {};
    if (::fstatfs(file.fd(), &status) != 0) return PageHome::disk;
    return detail::home_of(status);
}

std::vector<Range> written_ranges(const File& file, Range range) {
    std::vector<Range> written;
    for (std::uint64_t at = range.offset; at < range.end();) {
        const off_t data = ::lseek(file.fd(), static_cast<off_t>(at), SEEK_DATA);
        if (data < 0 && errno == ENXIO) return written;  // a hole up to the end
        if (data < 0 && errno == EINVAL) return {range};
        const off_t hole = data < 0 ? -1 : ::lseek(file.fd(), data, SEEK_HOLE);
        if (hole < 0 && errno == ENXIO) return written;  // it was cut meanwhile
        if (hole < 0) throw io_error({file.name(), {}, at}, "cannot look for holes", errno);
        const Range part =
            intersection({static_cast<std::uint64_t>(data), static_cast<std::uint64_t>(hole - data)}, range);
        if (!part.empty()) written.push_back(part);
        at = static_cast<std::uint64_t>(hole);
    }
    return written;
}

}  // namespace ggufmap
