#include "ggufmap/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "ggufmap/error.hpp"

namespace ggufmap {
namespace {

// Without O_NONBLOCK, opening a FIFO waits for a writer that may never come.
constexpr int open_flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

const char* kind_of(mode_t mode) {
    if (S_ISDIR(mode)) return "a directory";
    if (S_ISFIFO(mode)) return "a FIFO (some tools take a pipe as '-')";
    if (S_ISSOCK(mode)) return "a socket";
    if (S_ISBLK(mode)) return "a block device";
    return "a character device";
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
    if (this != &other) {
        close();
        number_ = std::exchange(other.number_, -1);
    }
    return *this;
}

void Fd::close() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
}

FileIdentity identify(int fd, const std::string& name) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) throw io_error({name}, "cannot stat", errno);
    return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
            std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

File::File(Fd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {
    struct stat status {};
    if (::fstat(fd_.get(), &status) != 0) throw io_error({name_}, "cannot stat", errno);
    if (!S_ISREG(status.st_mode))
        throw Error(ErrorKind::unsupported, {name_},
                    fmt::format("is {}, not a model", kind_of(status.st_mode)))
            .coded("not-a-file");
    identity_ = identify(fd_.get(), name_);
}

File File::open(const std::string& path) { return open_at(AT_FDCWD, path, path); }

File File::open_at(int directory, const std::string& relative, const std::string& shown) {
    Fd fd(::openat(directory, relative.c_str(), open_flags));
    if (!fd && errno == ENXIO)
        throw Error(ErrorKind::unsupported, {shown}, "is a socket or device, not a model");
    if (!fd) throw io_error({shown.empty() ? "''" : shown}, "cannot open", errno);
    return File(std::move(fd), shown);
}

File File::absent(const std::string& shown) {
    File file;
    file.name_ = shown;
    return file;
}

File File::adopt(Fd fd, const std::string& shown) { return File(std::move(fd), shown); }

std::size_t File::read_some(std::uint64_t offset, std::span<std::byte> out) const {
    std::size_t done = 0;
    while (done < out.size()) {
        const ssize_t got =
            ::pread(fd(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw io_error({name_, {}, offset + done}, "cannot read", errno);
        if (got == 0) break;
        done += static_cast<std::size_t>(got);
    }
    return done;
}

void File::read_exactly(std::uint64_t offset, std::span<std::byte> out) const {
    const std::size_t got = read_some(offset, out);
    if (got != out.size())
        throw Error(
            ErrorKind::mismatch, {name_, {}, offset + got},
            fmt::format("the file shrank while it was read: need {} bytes, {} left", out.size(), got));
}

void File::check_unchanged() const {
    const FileIdentity now = identify(fd(), name_);
    if (now.size != identity_.size)
        throw Error(ErrorKind::mismatch, {name_},
                    fmt::format("the file changed while it was read: {} bytes before, {} now", identity_.size,
                                now.size));
    if (now != identity_)
        throw Error(ErrorKind::mismatch, {name_}, "the file was written to while it was read");
}

Fd File::reopen(int flags) const {
    const std::string self = fmt::format("/proc/self/fd/{}", fd());
    Fd again(::open(self.c_str(), flags | O_CLOEXEC));
    if (!again) throw io_error({name_}, "cannot open again", errno);
    return again;
}

}  // namespace ggufmap
