#include "ggufmap/huge_pages.hpp"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>

#include "detail/kernel_files.hpp"
#include "detail/mountinfo.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap {
namespace {

// Mount points are written with blanks, tabs, newlines and backslashes as three octal digits.
std::string unescaped(std::string_view point) {
    std::string plain;
    for (std::size_t i = 0; i < point.size(); ++i) {
        const auto digit = [&](std::size_t at) { return static_cast<unsigned>(point[at] - '0'); };
        if (point[i] == '\\' && i + 3 < point.size()) {
            plain += static_cast<char>(digit(i + 1) * 64 + digit(i + 2) * 8 + digit(i + 3));
            i += 3;
        } else {
            plain += point[i];
        }
    }
    return plain;
}

// sysfs goes by size, whichever is the default.
std::string sysfs_folder(std::uint64_t page, const KernelRoots& roots) {
    return fmt::format("{}/kernel/mm/hugepages/hugepages-{}kB", roots.sys, page / 1024);
}

std::string to_reserve(std::uint64_t page, std::uint64_t pages) {
    constexpr std::uint64_t usual = 2ULL << 20;
    if (page == usual) return fmt::format("sysctl vm.nr_hugepages={}", pages);
    return fmt::format("echo {} >{}/nr_hugepages", pages, sysfs_folder(page, {}));
}

}  // namespace

std::string first_huge_mount(const KernelRoots& roots) {
    const std::string path = roots.proc + "/self/mountinfo";
    const auto text = detail::read_kernel_file(path);
    if (!text) throw io_error({path}, "cannot read", errno);
    std::string_view rest = *text;
    while (const auto mount = detail::next_mount(rest)) {
        if (mount->type == "hugetlbfs") return unescaped(mount->point);
    }
    throw Error(ErrorKind::io, {},
                "no hugetlbfs is mounted: mount -t hugetlbfs none /dev/hugepages (or name a mount)", ENOENT);
}

std::optional<HugePages> huge_pages_at(int directory, const std::string& shown, const KernelRoots& roots) {
    struct statfs status {};
    if (::fstatfs(directory, &status) != 0) throw io_error({shown}, "cannot tell the file system", errno);
    if (status.f_type != HUGETLBFS_MAGIC) return std::nullopt;
    HugePages pages;
    pages.page = static_cast<std::uint64_t>(status.f_bsize);
    // A mount without a limit reports no blocks, or as many as fit in the number.
    if (status.f_blocks > 0 && static_cast<std::int64_t>(status.f_blocks) > 0)
        pages.left_in_mount = status.f_bfree;
    const std::string folder = sysfs_folder(pages.page, roots);
    const auto number = [&](const char* name) {
        return detail::read_kernel_number(fmt::format("{}/{}", folder, name));
    };
    pages.total = number("nr_hugepages").value_or(0);
    if (const auto free = number("free_hugepages")) {
        const std::uint64_t promised = number("resv_hugepages").value_or(0);
        const std::uint64_t extra = number("nr_overcommit_hugepages").value_or(0);
        const std::uint64_t taken = number("surplus_hugepages").value_or(0);
        pages.free = *free - std::min(*free, promised) + extra - std::min(extra, taken);
    }
    return pages;
}

HugePages require_huge_pages(int fd, std::uint64_t bytes, const std::string& name) {
    const auto found = huge_pages_at(fd, name);
    if (!found) throw Error(ErrorKind::usage, {name}, "is not in a hugetlbfs");
    const HugePages& pages = *found;
    const std::uint64_t needed = pages.pages_for(bytes);
    const std::uint64_t kib = pages.page / 1024;
    if (pages.left_in_mount && needed > *pages.left_in_mount)
        throw Error(ErrorKind::io, {name},
                    fmt::format("not enough huge pages: {} of {} KiB are needed, the mount may have {} more: "
                                "mount it with a larger size= ({} bytes)",
                                needed, kib, *pages.left_in_mount, needed * pages.page),
                    ENOMEM);
    if (pages.free && needed > *pages.free)
        throw Error(ErrorKind::io, {name},
                    fmt::format("not enough huge pages: {} of {} KiB are needed, {} are free: {}", needed,
                                kib, *pages.free, to_reserve(pages.page, pages.total + needed - *pages.free)),
                    ENOMEM);
    return pages;
}

}  // namespace ggufmap
