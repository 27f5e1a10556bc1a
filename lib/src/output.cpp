#include "ggufmap/output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "detail/shared_mapping.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/huge_pages.hpp"

#ifndef RWF_DONTCACHE
#define RWF_DONTCACHE 0x00000080  // Linux 6.14; glibc 2.36 does not know it
#endif

namespace ggufmap {
namespace {

constexpr mode_t file_mode = 0666;  // less the umask, as cp and cat make them
constexpr std::uint64_t drop_window = 32ULL << 20;

std::string random_name() {
    std::uint64_t number = 0;
    if (::getrandom(&number, sizeof number, 0) != sizeof number)
        throw io_error({}, "cannot get random bytes", errno);
    return fmt::format(".ggufmap-{:016x}.tmp", number);
}

std::string descriptor_path(int fd) { return fmt::format("/proc/self/fd/{}", fd); }

Error exists_already(const std::string& shown) {
    return Error(ErrorKind::io, {shown}, "exists already", EEXIST);
}

// What `name` is or leads to, as an O_PATH descriptor; none, with errno, where it leads nowhere. A link of
// /proc, which names an open file and no path, fails with ELOOP as a circle of links does: behind
// "/dev/stdout" there may be a regular file, but that is not what would be replaced.
Fd open_target(int directory, const std::string& name) {
    struct open_how how {};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_NO_MAGICLINKS;
    const long fd = ::syscall(SYS_openat2, directory, name.c_str(), &how, sizeof how);
    // ENOSYS: before Linux 5.6; EPERM: so older seccomp filters say it.
    if (fd < 0 && (errno == ENOSYS || errno == EPERM))
        return Fd(::openat(directory, name.c_str(), O_PATH | O_CLOEXEC));
    return Fd(static_cast<int>(fd));
}

// A regular file, or a symlink to one or to nothing.
bool may_be_replaced(int directory, const std::string& name, const struct stat& found) {
    if (!S_ISLNK(found.st_mode)) return S_ISREG(found.st_mode);
    const Fd target = open_target(directory, name);
    if (!target) return errno == ENOENT;
    struct stat status {};
    return ::fstat(target.get(), &status) == 0 && S_ISREG(status.st_mode);
}

// A file without a name; none where the file system cannot, or where /proc is missing to name it later.
Fd open_unnamed(int directory) {
    if (::access("/proc/self/fd", X_OK) != 0) return Fd();
    return Fd(::openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, file_mode));
}

}  // namespace

std::shared_ptr<const OutputDirectory> OutputDirectory::open(const std::string& path) {
    return open_as(path, path);
}

std::shared_ptr<const OutputDirectory> OutputDirectory::open_as(const std::string& path,
                                                                const std::string& shown) {
    Fd fd(::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) throw io_error({path.empty() ? "." : path}, "cannot open the directory", errno);
    std::string prefix = shown;
    if (!prefix.empty() && !prefix.ends_with('/')) prefix += '/';
    return std::shared_ptr<const OutputDirectory>(new OutputDirectory(std::move(fd), std::move(prefix)));
}

bool OutputDirectory::exists(const std::string& name) const {
    struct stat status {};
    return ::fstatat(fd(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
}

bool OutputDirectory::holds(const std::string& name, const FileIdentity& file) const {
    struct stat status {};
    return ::fstatat(fd(), name.c_str(), &status, 0) == 0 && file.device == status.st_dev &&
           file.inode == status.st_ino;
}

std::uint64_t OutputDirectory::free_bytes() const {
    struct statvfs status {};
    if (::fstatvfs(fd(), &status) != 0) throw io_error({prefix_}, "cannot tell the free space", errno);
    return std::uint64_t{status.f_bavail} * status.f_frsize;
}

void OutputDirectory::require_writable() const {
    if (::faccessat(fd(), ".", W_OK | X_OK, AT_EACCESS) != 0)
        throw io_error({prefix_.empty() ? "." : prefix_}, "cannot write here", errno);
}

void OutputDirectory::sync() const {
    if (::fsync(fd()) != 0 && errno != EINVAL)  // EINVAL: a file system without durable directories
        throw io_error({prefix_}, "cannot make the directory durable", errno);
}

void OutputDirectory::remove(const std::string& name) const {
    if (::unlinkat(fd(), name.c_str(), 0) != 0 && errno != ENOENT)
        throw io_error({prefix_ + name}, "cannot remove", errno);
}

SplitPath split_path(const std::string& path) {
    const auto slash = path.rfind('/');
    SplitPath parts = slash == std::string::npos
                          ? SplitPath{"", path}
                          : SplitPath{path.substr(0, slash + 1), path.substr(slash + 1)};
    if (parts.name.empty() || parts.name == "." || parts.name == "..")
        throw Error(ErrorKind::usage, {path.empty() ? "''" : path}, "does not end in a file name");
    return parts;
}

OutputFile OutputFile::create(const std::string& path, const Options& options,
                              std::span<const FileIdentity> inputs) {
    const SplitPath parts = split_path(path);
    return create(OutputDirectory::open(parts.directory), parts.name, options, inputs);
}

OutputFile OutputFile::create(std::shared_ptr<const OutputDirectory> directory, const std::string& name,
                              const Options& options, std::span<const FileIdentity> inputs) {
    OutputFile file;
    require_free_name(*directory, name, options, inputs);
    file.shown_ = directory->prefix() + name;
    file.directory_ = std::move(directory);
    file.name_ = name;
    file.options_ = options;
    if (!options.named) file.fd_ = open_unnamed(file.directory_->fd());
    if (!file.fd_) {
        const std::string temporary = random_name();
        file.fd_ = Fd(::openat(file.directory_->fd(), temporary.c_str(),
                               O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC, file_mode));
        if (!file.fd_) throw io_error({file.shown_}, "cannot create", errno);
        file.temporary_ = temporary;
    }
    return file;
}

OutputFile::OutputFile() = default;

OutputFile::OutputFile(OutputFile&& other) noexcept { *this = std::move(other); }

OutputFile& OutputFile::operator=(OutputFile&& other) noexcept {
    if (this == &other) return *this;
    discard();
    directory_ = std::move(other.directory_);
    name_ = std::move(other.name_);
    shown_ = std::move(other.shown_);
    temporary_ = std::exchange(other.temporary_, {});
    options_ = other.options_;
    fd_ = std::move(other.fd_);
    huge_ = std::move(other.huge_);
    published_ = other.published_;
    replaced_ = other.replaced_;
    uncached_writes_ = other.uncached_writes_;
    dropped_ = other.dropped_;
    return *this;
}

OutputFile::~OutputFile() { discard(); }

void OutputFile::discard() noexcept {
    huge_.reset();
    fd_.close();
    if (!temporary_.empty()) ::unlinkat(directory_->fd(), temporary_.c_str(), 0);
    temporary_.clear();
}

void OutputFile::reserve(std::uint64_t size) {
    if (size == 0) return;
    if (options_.huge_pages) return reserve_huge_pages(size);
    for (;;) {
        if (::fallocate(fd(), 0, 0, static_cast<off_t>(size)) == 0) return;
        if (errno == EOPNOTSUPP) return resize(size);
        if (errno != EINTR) throw io_error({shown_}, fmt::format("cannot reserve {} bytes", size), errno);
    }
}

// Every page is there before the first one is touched: a page fault that finds none free is a SIGBUS.
void OutputFile::reserve_huge_pages(std::uint64_t size) {
    const HugePages pages = require_huge_pages(fd(), size, shown_);
    const std::uint64_t whole = pages.pages_for(size) * pages.page;
    while (::fallocate(fd(), 0, 0, static_cast<off_t>(whole)) != 0)
        if (errno != EINTR) throw io_error({shown_}, "cannot get the huge pages", errno);
    auto mapping = std::make_unique<detail::SharedMapping>(fd(), whole);
    if (!mapping->usable()) throw io_error({shown_}, "cannot map the huge pages", errno);
    huge_ = std::move(mapping);
}

void OutputFile::resize(std::uint64_t size) {
    while (::ftruncate(fd(), static_cast<off_t>(size)) != 0) {
        if (errno != EINTR) throw io_error({shown_}, "cannot set the size", errno);
    }
}

void OutputFile::write(std::uint64_t offset, Bytes bytes) {
    if (huge_) {
        const auto all = huge_->bytes();
        if (offset > all.size() || bytes.size() > all.size() - offset)
            throw io_error({shown_, {}, offset}, "cannot write", ENOSPC);
        if (!bytes.empty() && bytes.data() != all.data() + offset)
            std::memcpy(all.data() + offset, bytes.data(), bytes.size());
        return;
    }
    while (!bytes.empty()) {
        const struct iovec piece { const_cast<std::byte*>(bytes.data()), bytes.size() };
        const bool uncached = !options_.keep_cache && uncached_writes_;
        const ssize_t done =
            ::pwritev2(fd(), &piece, 1, static_cast<off_t>(offset), uncached ? RWF_DONTCACHE : 0);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0 && uncached && errno == EOPNOTSUPP) {
            uncached_writes_ = false;
            continue;
        }
        if (done <= 0) throw io_error({shown_, {}, offset}, "cannot write", done < 0 ? errno : ENOSPC);
        offset += static_cast<std::uint64_t>(done);
        bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
    if (!options_.keep_cache && !uncached_writes_ && offset >= dropped_ + 2 * drop_window)
        drop_behind(offset);
}

std::span<std::byte> OutputFile::room(std::uint64_t offset) const {
    if (!huge_ || offset >= huge_->bytes().size()) return {};
    return huge_->bytes().subspan(offset);
}

// For kernels before 6.14 and for file systems without RWF_DONTCACHE (btrfs): starts writing the newest
// window, waits for the one before and drops it. Without the lag of a window the disk would idle. Advice: a
// refusal only costs cache.
void OutputFile::drop_behind(std::uint64_t end) {
    const auto at = static_cast<off_t>(dropped_);
    const auto size = static_cast<off_t>(end - drop_window - dropped_);
    ::sync_file_range(fd(), at + size, static_cast<off_t>(drop_window), SYNC_FILE_RANGE_WRITE);
    ::sync_file_range(fd(), at, size,
                      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
    ::posix_fadvise(fd(), at, size, POSIX_FADV_DONTNEED);
    dropped_ = end - drop_window;
}

void OutputFile::seal() {
    if (!options_.durable) return;
    if (::fdatasync(fd()) != 0) throw io_error({shown_}, "cannot make durable", errno);
    if (!options_.keep_cache) ::posix_fadvise(fd(), 0, 0, POSIX_FADV_DONTNEED);
}

void OutputFile::park() {
    if (!temporary_.empty()) fd_.close();
}

void OutputFile::link_unnamed(const std::string& as) {
    if (::linkat(AT_FDCWD, descriptor_path(fd()).c_str(), directory_->fd(), as.c_str(), AT_SYMLINK_FOLLOW) ==
        0)
        return;
    if (errno == EEXIST) throw exists_already(shown_);
    throw io_error({shown_}, "cannot publish", errno);
}

void OutputFile::rename_into_place() {
    const int at = directory_->fd();
    const unsigned flags = options_.replace ? 0 : RENAME_NOREPLACE;
    int failed = ::renameat2(at, temporary_.c_str(), at, name_.c_str(), flags) == 0 ? 0 : errno;
    if ((failed == EINVAL || failed == ENOSYS) && !options_.replace) {
        // A file system without RENAME_NOREPLACE; link(2) does not replace either.
        failed = ::linkat(at, temporary_.c_str(), at, name_.c_str(), 0) == 0 ? 0 : errno;
        if (failed == 0) ::unlinkat(at, temporary_.c_str(), 0);
    }
    if (failed == EEXIST) throw exists_already(shown_);
    if (failed != 0) throw io_error({shown_}, "cannot publish", failed);
    temporary_.clear();
}

void OutputFile::publish() {
    const bool replaces = options_.replace && directory_->exists(name_);
    if (temporary_.empty() && !replaces) {
        link_unnamed(name_);
    } else {
        if (temporary_.empty()) {  // linkat(2) cannot replace: a hidden name first, then rename(2)
            const std::string hidden = random_name();
            link_unnamed(hidden);
            temporary_ = hidden;
        }
        rename_into_place();
    }
    published_ = true;
    replaced_ = replaces;
}

void OutputFile::commit() {
    seal();
    publish();
    if (options_.durable) directory_->sync();
}

void OutputFile::clear_place() {
    if (!options_.replace || !directory_->exists(name_)) return;
    directory_->remove(name_);
    if (options_.durable) directory_->sync();
}

void OutputFile::withdraw() noexcept {
    if (published_ && !replaced_) ::unlinkat(directory_->fd(), name_.c_str(), 0);
    published_ = false;
}

void require_free_name(const OutputDirectory& directory, const std::string& name,
                       const OutputFile::Options& options, std::span<const FileIdentity> inputs) {
    const std::string shown = directory.prefix() + name;
    if (std::any_of(inputs.begin(), inputs.end(),
                    [&](const FileIdentity& input) { return directory.holds(name, input); }))
        throw Error(ErrorKind::usage, {shown}, "is an input, too: choose another name");
    struct stat status {};
    if (::fstatat(directory.fd(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) return;
        throw io_error({shown}, "cannot create", errno);  // a name that is too long, for one
    }
    if (!options.replace) throw exists_already(shown);
    if (!may_be_replaced(directory.fd(), name, status))
        throw Error(ErrorKind::io, {shown}, "is not a regular file: not replaced", EEXIST);
}

void publish_together(std::span<OutputFile> files) {
    std::size_t next = files.size();
    try {
        if (!files.empty()) files.front().clear_place();
        for (; next > 0; --next) files[next - 1].publish();
    } catch (...) {
        for (; next < files.size(); ++next) files[next].withdraw();
        throw;
    }
}

}  // namespace ggufmap
