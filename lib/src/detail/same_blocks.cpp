#include "detail/same_blocks.hpp"

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <vector>

namespace ggufmap::detail {
namespace {

constexpr std::size_t extents_at_once = 512;
/// Extents whose place on the disk says nothing about their content, or that have none yet.
constexpr std::uint32_t without_place =
    FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_DATA_TAIL |
    FIEMAP_EXTENT_NOT_ALIGNED | FIEMAP_EXTENT_ENCODED | FIEMAP_EXTENT_UNWRITTEN;

/// A run of blocks: where in the file, where on the disk.
struct Run {
    std::uint64_t logical;
    std::uint64_t physical;
    std::uint64_t length;
    bool operator==(const Run&) const = default;
};

/// What the file's first `end` bytes are, neighbours on the disk joined; nothing where the kernel does not
/// tell.
std::optional<std::vector<Run>> runs_of(const File& file, std::uint64_t end) {
    std::vector<std::byte> buffer(sizeof(fiemap) + extents_at_once * sizeof(fiemap_extent));
    std::vector<Run> runs;
    for (std::uint64_t from = 0; from < end;) {
        fiemap request;  // ends in an array of no size, which clang does not let one initialize
        std::memset(&request, 0, sizeof request);
        request.fm_start = from;
        request.fm_length = end - from;
        request.fm_flags = FIEMAP_FLAG_SYNC;
        request.fm_extent_count = extents_at_once;
        std::memcpy(buffer.data(), &request, sizeof request);
        if (::ioctl(file.fd(), FS_IOC_FIEMAP, buffer.data()) != 0) return std::nullopt;
        std::memcpy(&request, buffer.data(), sizeof request);
        const std::uint64_t before = from;
        for (std::size_t i = 0; i < request.fm_mapped_extents; ++i) {
            fiemap_extent extent{};
            std::memcpy(&extent, &buffer[sizeof request + i * sizeof extent], sizeof extent);
            if ((extent.fe_flags & without_place) != 0) return std::nullopt;
            if (extent.fe_logical >= end) return std::nullopt;
            const Run run{extent.fe_logical, extent.fe_physical,
                          std::min<std::uint64_t>(extent.fe_length, end - extent.fe_logical)};
            from = run.logical + run.length;
            if (!runs.empty() && runs.back().logical + runs.back().length == run.logical &&
                runs.back().physical + runs.back().length == run.physical) {
                runs.back().length += run.length;
            } else {
                runs.push_back(run);
            }
            if ((extent.fe_flags & FIEMAP_EXTENT_LAST) != 0) from = end;
        }
        if (from == before) break;  // a hole up to the end
    }
    return runs;
}

std::vector<std::byte> bytes_from(const File& file, std::uint64_t offset) {
    std::vector<std::byte> bytes(file.size() - offset);
    file.read_exactly(offset, bytes);
    return bytes;
}

}  // namespace

bool same_blocks(const File& a, const File& b) {
    if (a.identity().device != b.identity().device || a.size() != b.size()) return false;
    struct stat status {};
    if (::fstat(a.fd(), &status) != 0 || status.st_blksize <= 0) return false;
    // The last block may be a copy: it is shared whole or not at all.
    const std::uint64_t whole = a.size() - a.size() % static_cast<std::uint64_t>(status.st_blksize);
    const auto runs = runs_of(a, whole);
    return runs && !runs->empty() && runs == runs_of(b, whole) &&
           bytes_from(a, whole) == bytes_from(b, whole);
}

}  // namespace ggufmap::detail
