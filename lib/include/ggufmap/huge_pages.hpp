// Huge pages that files can be made of: hugetlbfs, whose memory is set aside by the administrator and given
// out in whole pages of 2 MiB or 1 GiB.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ggufmap/export.hpp"
#include "ggufmap/memory.hpp"

namespace ggufmap {

/// Where the first hugetlbfs in mountinfo is mounted. Throws Error (io) where there is none: it says what to
/// do.
GGUFMAP_API std::string first_huge_mount(const KernelRoots& roots = {});

/// The pages behind a directory in a hugetlbfs.
struct GGUFMAP_API HugePages {
    std::uint64_t page = 0;             ///< bytes each
    std::uint64_t total = 0;            ///< set aside on this host
    std::optional<std::uint64_t> free;  ///< not in use nor promised; nothing where sysfs is not there
    std::optional<std::uint64_t> left_in_mount;  ///< of a mount with a size limit

    /// `bytes` rounded up to whole pages.
    std::uint64_t pages_for(std::uint64_t bytes) const { return bytes / page + (bytes % page != 0 ? 1 : 0); }
};
/// Nothing where the directory is in another kind of file system. Throws Error (io).
GGUFMAP_API std::optional<HugePages> huge_pages_at(int directory, const std::string& shown,
                                                   const KernelRoots& roots = {});

/// Throws Error: usage where that directory, or file, is in no hugetlbfs; io (ENOMEM), saying what to do,
/// where `bytes` do not fit into the pages that are free.
GGUFMAP_API HugePages require_huge_pages(int fd, std::uint64_t bytes, const std::string& shown);

}  // namespace ggufmap
