#include "hf/stub_folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "ggufmap/error.hpp"

namespace ggufmap::hf {
namespace {

constexpr mode_t directory_mode = 0777;  // less the umask

std::string random_name() {
    std::uint64_t number = 0;
    if (::getrandom(&number, sizeof number, 0) != sizeof number)
        throw io_error({}, "cannot get random bytes", errno);
    return fmt::format(".ggufmap-{:016x}.tmp", number);
}

struct Entry {
    std::string name;
    bool directory;
};

/// The directory `name` itself: what a symlink points to is not ours.
Fd open_folder(const OutputDirectory& parent, const std::string& name, const char* otherwise) {
    Fd fd(::openat(parent.fd(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) throw io_error({parent.prefix() + name}, otherwise, errno);
    return fd;
}

/// What is in a directory, without "." and "..".
std::vector<Entry> entries_of(const Fd& directory, const std::string& shown) {
    std::vector<Entry> entries;
    const int fd = ::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* stream = fd < 0 ? nullptr : ::fdopendir(fd);
    if (stream == nullptr) throw io_error({shown}, "cannot list", errno);
    const dirent* entry = nullptr;
    while (errno = 0, (entry = ::readdir(stream)) != nullptr) {
        const std::string_view name = entry->d_name;
        if (name == "." || name == "..") continue;
        struct stat status {};
        const bool known = ::fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0;
        entries.push_back({std::string(name), known && S_ISDIR(status.st_mode)});
    }
    const int error = errno;  // the end has none
    ::closedir(stream);
    if (error != 0) throw io_error({shown}, "cannot list", error);
    return entries;
}

/// Something in a folder that no run of ours can have put there.
std::optional<std::string> foreign_entry(const std::vector<Entry>& entries, const IsOurs& is_ours) {
    for (const Entry& entry : entries)
        if (entry.directory || !is_ours(entry.name)) return entry.name;
    return std::nullopt;
}

/// Removes it only if all in it is ours: between a first look and now, somebody may have added a file.
void remove_folder(const OutputDirectory& parent, const std::string& name, const IsOurs& is_ours) {
    const std::string shown = parent.prefix() + name;
    const Fd folder = open_folder(parent, name, "cannot open");
    const auto entries = entries_of(folder, shown);
    if (const auto foreign = foreign_entry(entries, is_ours))
        throw Error(ErrorKind::io, {shown}, fmt::format("not removed: it holds '{}'", *foreign));
    for (const Entry& entry : entries) {
        if (::unlinkat(folder.get(), entry.name.c_str(), 0) != 0 && errno != ENOENT)
            throw io_error({shown + "/" + entry.name}, "cannot remove", errno);
    }
    if (::unlinkat(parent.fd(), name.c_str(), AT_REMOVEDIR) != 0)
        throw io_error({shown}, "cannot remove", errno);
}

std::string without_slashes(std::string path) {
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    return path;
}

/// What a file system answers that cannot rename without replacing, or exchange two names: FUSE, NFS, and
/// overlayfs for a directory of a lower layer.
bool has_no_such_rename(int error) {
    return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP || error == EXDEV;
}

/// True where a folder of ours is there to be replaced.
bool is_replaced(const OutputDirectory& parent, const std::string& name, const std::string& shown,
                 bool replace, const IsOurs& is_ours) {
    struct stat status {};
    if (::fstatat(parent.fd(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) return false;
        throw io_error({shown}, "cannot create", errno);  // a name that is too long, for one
    }
    const Fd folder = open_folder(parent, name, "is no directory that can be replaced");
    if (!replace) throw Error(ErrorKind::io, {shown}, "exists already (--force replaces it)", EEXIST);
    if (const auto foreign = foreign_entry(entries_of(folder, shown), is_ours))
        throw Error(ErrorKind::io, {shown},
                    fmt::format("holds '{}', which is no part of a stub: not replaced", *foreign));
    return true;
}

}  // namespace

void require_place(const std::string& path, bool replace, const IsOurs& is_ours) {
    const SplitPath parts = split_path(without_slashes(path));
    const auto parent = OutputDirectory::open(parts.directory);
    is_replaced(*parent, parts.name, path, replace, is_ours);
    parent->require_writable();
}

NewFolder::NewFolder(const std::string& path, bool replace, IsOurs is_ours) : is_ours_(std::move(is_ours)) {
    const std::string trimmed = without_slashes(path);
    const SplitPath parts = split_path(trimmed);
    parent_ = OutputDirectory::open(parts.directory);
    name_ = parts.name;
    replaces_ = is_replaced(*parent_, name_, path, replace, is_ours_);
    const std::string temporary = random_name();
    if (::mkdirat(parent_->fd(), temporary.c_str(), directory_mode) != 0)
        throw io_error({path}, "cannot create", errno);
    try {
        directory_ = OutputDirectory::open_as(parent_->prefix() + temporary, trimmed);
    } catch (...) {  // there will be no destructor to do it
        ::unlinkat(parent_->fd(), temporary.c_str(), AT_REMOVEDIR);
        throw;
    }
    temporary_ = temporary;
}

NewFolder::~NewFolder() {
    if (temporary_.empty()) return;
    directory_.reset();
    try {
        remove_folder(*parent_, temporary_, is_ours_);
    } catch (const Error&) {
        return;  // it keeps its hidden name, and the error that brought us here is the one to tell
    }
}

void NewFolder::rename_to(const std::string& from, const std::string& to) const {
    if (::renameat(parent_->fd(), from.c_str(), parent_->fd(), to.c_str()) != 0)
        throw io_error({parent_->prefix() + name_}, "cannot rename the finished folder", errno);
}

std::string NewFolder::take_name() const {
    const int at = parent_->fd();
    const unsigned flags = replaces_ ? RENAME_EXCHANGE : RENAME_NOREPLACE;
    if (::renameat2(at, temporary_.c_str(), at, name_.c_str(), flags) == 0)
        return replaces_ ? temporary_ : std::string();
    const int error = errno;
    const Error::Where place{parent_->prefix() + name_};
    if (!has_no_such_rename(error)) throw io_error(place, "cannot rename the finished folder", error);
    if (!replaces_) {
        // All that rename(2) replaces is an empty directory: ours, as nobody else can have made it.
        if (::mkdirat(at, name_.c_str(), directory_mode) != 0) throw io_error(place, "cannot create", errno);
        try {
            rename_to(temporary_, name_);
        } catch (...) {
            ::unlinkat(at, name_.c_str(), AT_REMOVEDIR);
            throw;
        }
        return {};
    }
    std::string old = random_name();
    if (::renameat(at, name_.c_str(), at, old.c_str()) != 0)
        throw io_error(place, "cannot be moved out of the way: remove it, and try again", errno);
    try {
        rename_to(temporary_, name_);
    } catch (const Error& why) {
        if (::renameat(at, old.c_str(), at, name_.c_str()) == 0) throw;
        throw Error(why.kind(), place,
                    fmt::format("what was there is '{}' now: {}", parent_->prefix() + old, why.what()));
    }
    return old;
}

void NewFolder::publish() {
    directory_->sync();
    const std::string old = take_name();
    const std::string published = std::exchange(temporary_, {});
    try {
        parent_->sync();
    } catch (...) {
        // Back to how it was: the destructor removes what has the hidden name, which must not be the old one.
        const std::string hidden = old == published ? random_name() : published;
        if (::renameat(parent_->fd(), name_.c_str(), parent_->fd(), hidden.c_str()) == 0) {
            temporary_ = hidden;
            if (!old.empty()) ::renameat(parent_->fd(), old.c_str(), parent_->fd(), name_.c_str());
        }
        throw;
    }
    if (old.empty()) return;
    try {
        remove_folder(*parent_, old, is_ours_);
    } catch (const Error& why) {
        throw Error(why.kind(), {parent_->prefix() + name_},
                    fmt::format("is there; what it replaced is still there, too: {}", why.what()));
    }
}

}  // namespace ggufmap::hf
