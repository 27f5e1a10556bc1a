#include "hf/stub_folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
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

/// Names in a directory, without "." and "..".
std::vector<std::string> entries_of(const OutputDirectory& directory) {
    std::vector<std::string> names;
    const int fd = ::openat(directory.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* stream = fd < 0 ? nullptr : ::fdopendir(fd);
    if (stream == nullptr) throw io_error({directory.prefix()}, "cannot list", errno);
    while (const dirent* entry = ::readdir(stream)) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
    }
    ::closedir(stream);
    return names;
}

void remove_folder(const OutputDirectory& parent, const std::string& name) {
    const auto folder = OutputDirectory::open(parent.prefix() + name);
    for (const std::string& entry : entries_of(*folder)) folder->remove(entry);
    if (::unlinkat(parent.fd(), name.c_str(), AT_REMOVEDIR) != 0)
        throw io_error({parent.prefix() + name}, "cannot remove", errno);
}

}  // namespace

NewFolder::NewFolder(const std::string& path, bool replace, std::function<bool(std::string_view)> is_ours) {
    std::string trimmed = path;
    while (trimmed.size() > 1 && trimmed.ends_with('/')) trimmed.pop_back();
    const SplitPath parts = split_path(trimmed);
    parent_ = OutputDirectory::open(parts.directory);
    name_ = parts.name;
    if (parent_->exists(name_)) {
        if (!replace) throw Error(ErrorKind::io, {path}, "exists already (--force replaces it)", EEXIST);
        for (const std::string& entry : entries_of(*OutputDirectory::open(trimmed))) {
            if (!is_ours(entry))
                throw Error(ErrorKind::io, {path},
                            fmt::format("holds '{}', which is no part of a stub: not replaced", entry));
        }
        exchange_ = true;
    }
    const std::string temporary = random_name();
    if (::mkdirat(parent_->fd(), temporary.c_str(), directory_mode) != 0)
        throw io_error({path}, "cannot create", errno);
    temporary_ = temporary;
    directory_ = OutputDirectory::open_as(parent_->prefix() + temporary, trimmed);
}

NewFolder::~NewFolder() {
    if (temporary_.empty()) return;
    directory_.reset();
    try {
        remove_folder(*parent_, temporary_);
    } catch (const Error&) {
        return;  // it keeps its hidden name, and the error that brought us here is the one to tell
    }
}

void NewFolder::publish() {
    directory_->sync();
    const unsigned flags = exchange_ ? RENAME_EXCHANGE : RENAME_NOREPLACE;
    if (::renameat2(parent_->fd(), temporary_.c_str(), parent_->fd(), name_.c_str(), flags) != 0)
        throw io_error({parent_->prefix() + name_}, "cannot rename the finished folder", errno);
    parent_->sync();
    if (exchange_) remove_folder(*parent_, temporary_);  // the one that was there before
    temporary_.clear();
}

}  // namespace ggufmap::hf
