// Preloaded into a tool, lets one of its system calls go wrong: GGUFMAP_FAULT=HOW:N, where N counts the calls
// below that HOW concerns, from 1. Once it has happened, the call's name stands in the file
// $GGUFMAP_FAULT_SEEN.
//   fail       the N-th call fails, as its kind does
//   stay       the N-th call that changes the disk fails, and every one after it
//   short      the N-th read or write does half of its work
//   interrupt  the N-th read or write is interrupted by a signal (EINTR)
//   kill       SIGKILL before the N-th call that changes the disk
// Each call is made under both of its names, as glibc has them with and without _FILE_OFFSET_BITS=64. There
// is no io_uring but with GGUFMAP_FAULT_RING: then only its submissions, reads and writes are counted.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <cstring>

namespace {

enum class How { never, fail, stay, brief, interrupt, kill };
enum Kind : unsigned { asks = 0, halves = 1, waits = 2, transfers = halves | waits, changes = 4, ring = 8 };

struct Fault {
    How how = How::never;
    long at = 0;
};

Fault from_environment() {
    const char* text = std::getenv("GGUFMAP_FAULT");
    const char* colon = text == nullptr ? nullptr : std::strchr(text, ':');
    if (colon == nullptr) return {};
    const long at = std::atol(colon + 1);
    switch (*text) {
        case 'f':
            return {How::fail, at};
        case 'k':
            return {How::kill, at};
        case 'i':
            return {How::interrupt, at};
        default:
            return {std::strncmp(text, "stay", 4) == 0 ? How::stay : How::brief, at};
    }
}

void report(const char* call) {
    const char* path = std::getenv("GGUFMAP_FAULT_SEEN");
    if (path == nullptr) return;
    const auto fd = static_cast<int>(syscall(SYS_open, path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    syscall(SYS_write, fd, call, std::strlen(call));
    syscall(SYS_close, fd);
}

bool with_ring() { return std::getenv("GGUFMAP_FAULT_RING") != nullptr; }

bool concerns(How how, unsigned kind) {
    if (with_ring() != ((kind & ring) != 0)) return false;
    switch (how) {
        case How::never:
            return false;
        case How::fail:
            return true;
        case How::stay:
        case How::kill:
            return (kind & changes) != 0;
        case How::brief:
            return (kind & halves) != 0;
        case How::interrupt:
            return (kind & waits) != 0;
    }
    return false;
}

enum class Verdict { pass, fail, brief };

/// What becomes of this call; `error` is what it fails with.
Verdict judge(const char* call, unsigned kind, int error) {
    static const Fault fault = from_environment();
    static std::atomic<long> calls = 0;
    if (!concerns(fault.how, kind)) return Verdict::pass;
    const long number = ++calls;
    if (number != fault.at && !(fault.how == How::stay && number > fault.at)) return Verdict::pass;
    if (number == fault.at) report(call);
    if (fault.how == How::kill) syscall(SYS_kill, getpid(), SIGKILL);
    if (fault.how == How::brief) return Verdict::brief;
    errno = fault.how == How::interrupt ? EINTR : error;
    return Verdict::fail;
}

size_t half(Verdict verdict, size_t size) { return verdict == Verdict::brief && size > 1 ? size / 2 : size; }

bool creates(int flags) { return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE; }

mode_t mode_in(va_list more, int flags) { return creates(flags) ? va_arg(more, mode_t) : 0; }

}  // namespace

// The next library's function of that name.
#define NEXT(name) static const auto next = reinterpret_cast<decltype(&name)>(dlsym(RTLD_NEXT, #name))
#define SHIM extern "C" __attribute__((visibility("default")))

#define OPEN(name)                                                                                        \
    SHIM int name(const char* path, int flags, ...) {                                                     \
        NEXT(name);                                                                                       \
        va_list more;                                                                                     \
        va_start(more, flags);                                                                            \
        const mode_t mode = mode_in(more, flags);                                                         \
        va_end(more);                                                                                     \
        const bool creating = creates(flags);                                                             \
        if (judge(#name, creating ? changes : asks, creating ? ENOSPC : EIO) != Verdict::pass) return -1; \
        return next(path, flags, mode);                                                                   \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                                      \
    SHIM int name(int at, const char* path, int flags, ...) {                                             \
        NEXT(name);                                                                                       \
        va_list more;                                                                                     \
        va_start(more, flags);                                                                            \
        const mode_t mode = mode_in(more, flags);                                                         \
        va_end(more);                                                                                     \
        const bool creating = creates(flags);                                                             \
        if (judge(#name, creating ? changes : asks, creating ? ENOSPC : EIO) != Verdict::pass) return -1; \
        return next(at, path, flags, mode);                                                               \
    }
OPENAT(openat)
OPENAT(openat64)

// A call that fails with `error` and returns `failed`.
#define PLAIN(result, name, parameters, arguments, kind, error, failed) \
    SHIM result name parameters {                                       \
        NEXT(name);                                                     \
        if (judge(#name, kind, error) != Verdict::pass) return failed;  \
        return next arguments;                                          \
    }

// A transfer of `size` bytes.
#define TRANSFER(name, parameters, arguments, kind, error)             \
    SHIM ssize_t name parameters {                                     \
        NEXT(name);                                                    \
        const Verdict verdict = judge(#name, transfers | kind, error); \
        if (verdict == Verdict::fail) return -1;                       \
        size = half(verdict, size);                                    \
        return next arguments;                                         \
    }
TRANSFER(read, (int fd, void* to, size_t size), (fd, to, size), asks, EIO)
TRANSFER(pread, (int fd, void* to, size_t size, off_t at), (fd, to, size, at), asks, EIO)
TRANSFER(pread64, (int fd, void* to, size_t size, off64_t at), (fd, to, size, at), asks, EIO)
TRANSFER(pwrite, (int fd, const void* from, size_t size, off_t at), (fd, from, size, at), changes, ENOSPC)
TRANSFER(pwrite64, (int fd, const void* from, size_t size, off64_t at), (fd, from, size, at), changes, ENOSPC)
TRANSFER(sendfile, (int to, int from, off_t* at, size_t size), (to, from, at, size), changes, EIO)
TRANSFER(sendfile64, (int to, int from, off64_t* at, size_t size), (to, from, at, size), changes, EIO)
TRANSFER(copy_file_range, (int from, off64_t* at, int to, off64_t* to_at, size_t size, unsigned flags),
         (from, at, to, to_at, size, flags), changes, EIO)

// Messages always get through.
SHIM ssize_t write(int fd, const void* from, size_t size) {
    NEXT(write);
    const Verdict verdict = fd == STDERR_FILENO ? Verdict::pass : judge("write", transfers | changes, ENOSPC);
    return verdict == Verdict::fail ? -1 : next(fd, from, half(verdict, size));
}

// A vector of buffers; a brief transfer ends in the middle of the first.
#define VECTOR(name, parameters, arguments, kind, error)               \
    SHIM ssize_t name parameters {                                     \
        NEXT(name);                                                    \
        const Verdict verdict = judge(#name, transfers | kind, error); \
        if (verdict == Verdict::fail) return -1;                       \
        iovec part{};                                                  \
        if (verdict == Verdict::brief && count > 0) {                  \
            part = {pieces->iov_base, half(verdict, pieces->iov_len)}; \
            pieces = &part;                                            \
            count = 1;                                                 \
        }                                                              \
        return next arguments;                                         \
    }
VECTOR(writev, (int fd, const iovec* pieces, int count), (fd, pieces, count), changes, ENOSPC)
VECTOR(preadv2, (int fd, const iovec* pieces, int count, off_t at, int flags), (fd, pieces, count, at, flags),
       asks, EIO)
VECTOR(pwritev2, (int fd, const iovec* pieces, int count, off_t at, int flags),
       (fd, pieces, count, at, flags), changes, ENOSPC)

PLAIN(void*, mmap, (void* at, size_t size, int protection, int flags, int fd, off_t offset),
      (at, size, protection, flags, fd, offset), asks, ENOMEM, MAP_FAILED)
PLAIN(void*, mmap64, (void* at, size_t size, int protection, int flags, int fd, off64_t offset),
      (at, size, protection, flags, fd, offset), asks, ENOMEM, MAP_FAILED)
PLAIN(int, madvise, (void* at, size_t size, int advice), (at, size, advice), asks, ENOMEM, -1)
PLAIN(int, fsync, (int fd), (fd), changes, EIO, -1)
PLAIN(int, fdatasync, (int fd), (fd), changes, EIO, -1)
PLAIN(int, rename, (const char* from, const char* to), (from, to), changes, EIO, -1)
PLAIN(int, renameat2, (int at, const char* from, int to_at, const char* to, unsigned flags),
      (at, from, to_at, to, flags), changes, EIO, -1)
PLAIN(int, linkat, (int at, const char* from, int to_at, const char* to, int flags),
      (at, from, to_at, to, flags), changes, EIO, -1)
PLAIN(int, symlinkat, (const char* target, int at, const char* path), (target, at, path), changes, EIO, -1)
PLAIN(int, unlink, (const char* path), (path), changes, EIO, -1)
PLAIN(int, unlinkat, (int at, const char* path, int flags), (at, path, flags), changes, EIO, -1)
PLAIN(int, mkdir, (const char* path, mode_t mode), (path, mode), changes, ENOSPC, -1)
PLAIN(int, mkdirat, (int at, const char* path, mode_t mode), (at, path, mode), changes, ENOSPC, -1)
PLAIN(int, ftruncate, (int fd, off_t size), (fd, size), changes, ENOSPC, -1)
PLAIN(int, ftruncate64, (int fd, off64_t size), (fd, size), changes, ENOSPC, -1)
PLAIN(int, fallocate, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size), changes, ENOSPC, -1)
PLAIN(int, fallocate64, (int fd, int mode, off64_t at, off64_t size), (fd, mode, at, size), changes, ENOSPC,
      -1)
PLAIN(int, stat, (const char* path, struct stat* status), (path, status), asks, EIO, -1)
PLAIN(int, lstat, (const char* path, struct stat* status), (path, status), asks, EIO, -1)
PLAIN(int, fstat, (int fd, struct stat* status), (fd, status), asks, EIO, -1)
PLAIN(int, fstatat, (int at, const char* path, struct stat* status, int flags), (at, path, status, flags),
      asks, EIO, -1)
PLAIN(int, fstatfs, (int fd, struct statfs* status), (fd, status), asks, EIO, -1)
PLAIN(int, fstatvfs, (int fd, struct statvfs* status), (fd, status), asks, EIO, -1)
PLAIN(DIR*, opendir, (const char* path), (path), asks, EIO, nullptr)
PLAIN(DIR*, fdopendir, (int fd), (fd), asks, EIO, nullptr)
PLAIN(dirent*, readdir, (DIR * directory), (directory), asks, EIO, nullptr)
PLAIN(dirent64*, readdir64, (DIR * directory), (directory), asks, EIO, nullptr)

SHIM int ioctl(int fd, unsigned long request, ...) noexcept {
    NEXT(ioctl);
    va_list more;
    va_start(more, request);
    void* argument = va_arg(more, void*);
    va_end(more);
    const bool clones = request == FICLONE || request == FICLONERANGE;
    if (judge("ioctl", clones ? changes : asks, EIO) != Verdict::pass) return -1;
    return next(fd, request, argument);
}

SHIM int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*work)(void*),
                        void* argument) noexcept {
    NEXT(pthread_create);
    if (judge("pthread_create", asks, EAGAIN) != Verdict::pass) return EAGAIN;
    return next(thread, attributes, work, argument);
}

SHIM int io_uring_queue_init(unsigned entries, struct io_uring* made, unsigned flags) {
    NEXT(io_uring_queue_init);
    return with_ring() ? next(entries, made, flags) : -ENOSYS;
}

namespace {

// Files that the kernel itself lets fail: with EIO where no memory is, and with ENOSPC.
int unreadable() {
    static const auto fd = static_cast<int>(syscall(SYS_open, "/proc/self/mem", O_RDONLY | O_CLOEXEC));
    return fd;
}
int full() {
    static const auto fd = static_cast<int>(syscall(SYS_open, "/dev/full", O_WRONLY | O_CLOEXEC));
    return fd;
}

void judge(io_uring_sqe& entry) {
    constexpr unsigned block = 4096;
    const bool reads = entry.opcode == IORING_OP_READ;
    const Verdict verdict =
        reads ? judge("ring read", ring | halves, EIO) : judge("ring write", ring | halves | changes, ENOSPC);
    if (verdict == Verdict::brief && entry.len > block) entry.len = entry.len / 2 / block * block;
    if (verdict != Verdict::fail) return;
    entry.fd = reads ? unreadable() : full();
    entry.off = 0;
}

void judge_queue(struct io_uring* used) {
    const io_uring_sq& queue = used->sq;
    for (unsigned i = queue.sqe_head; i != queue.sqe_tail; ++i) judge(queue.sqes[i & *queue.kring_mask]);
}

}  // namespace

#define SUBMIT(name, parameters, arguments)                                               \
    SHIM int name parameters {                                                            \
        NEXT(name);                                                                       \
        if (judge(#name, ring | waits | changes, ENOMEM) == Verdict::fail) return -errno; \
        judge_queue(used);                                                                \
        return next arguments;                                                            \
    }
SUBMIT(io_uring_submit, (struct io_uring * used), (used))
SUBMIT(io_uring_submit_and_wait, (struct io_uring * used, unsigned count), (used, count))
