#include "detail/partial_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>

#include "ggufmap/error.hpp"

namespace ggufmap::detail {

std::string PartialFile::hidden_name(const std::string& name) {
    return fmt::format(".{}.ggufmap-partial", name);
}

PartialFile PartialFile::open(const OutputDirectory& directory, const std::string& name, int flags) {
    const std::string shown = directory.prefix() + name;
    Fd fd(::openat(directory.fd(), hidden_name(name).c_str(), flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0666));
    if (!fd) throw io_error({shown}, "cannot open the unfinished file", errno);
    return PartialFile(std::move(fd), shown);
}

void PartialFile::write(std::uint64_t offset, Bytes bytes) {
    while (!bytes.empty()) {
        const ssize_t done = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) throw io_error({shown_, {}, offset}, "cannot write", done < 0 ? errno : ENOSPC);
        offset += static_cast<std::uint64_t>(done);
        bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
}

void PartialFile::reserve(std::uint64_t size) {
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0)
        throw io_error({shown_}, "cannot set the size", errno);
    while (size > 0 && ::fallocate(fd_.get(), 0, 0, static_cast<off_t>(size)) != 0) {
        if (errno == EOPNOTSUPP) return;  // known when it is written, then
        if (errno != EINTR) throw io_error({shown_}, fmt::format("cannot reserve {} bytes", size), errno);
    }
}

void PartialFile::sync() {
    if (::fdatasync(fd_.get()) != 0) throw io_error({shown_}, "cannot make durable", errno);
    ::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED);
}

File PartialFile::reread() const { return File::adopt(Fd(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0)), shown_); }

void PartialFile::publish(const OutputDirectory& directory, const std::string& name, bool replaces) const {
    const int at = directory.fd();
    const unsigned flags = replaces ? 0 : RENAME_NOREPLACE;
    if (::renameat2(at, hidden_name(name).c_str(), at, name.c_str(), flags) != 0)
        throw io_error({shown_}, "cannot publish", errno);
    directory.sync();
}

}  // namespace ggufmap::detail
