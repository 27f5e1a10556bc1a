// Blobs and manifests on disk.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>

#include "detail/absolute_path.hpp"
#include "detail/same_blocks.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/ollama.hpp"

namespace ggufmap::ollama {
namespace {

constexpr mode_t directory_mode = 0755;  // as Ollama makes them
constexpr mode_t file_mode = 0644;
constexpr std::string_view registry = "manifests/registry.ollama.ai/library";

/// What root makes belongs to whom the folder belongs: Ollama's service, which is not root, must add to it
/// and remove from it. Where that cannot be (NFS without root's rights), it can at least be read.
void give_to_owner(int fd, int directory) {
    struct stat owner {};
    if (::geteuid() != 0 || ::fstat(directory, &owner) != 0) return;
    [[maybe_unused]] const int ignored = ::fchown(fd, owner.st_uid, owner.st_gid);
}

/// With Ollama's mode, whatever the umask; its parent is there.
void make_directory(const std::string& path) {
    if (::mkdir(path.c_str(), directory_mode) != 0) {
        if (errno == EEXIST) return;
        throw io_error({path}, "cannot create the directory", errno);
    }
    const auto made = OutputDirectory::open(path);
    const auto parent = OutputDirectory::open(split_path(path).directory);
    if (::fchmod(made->fd(), directory_mode) != 0) throw io_error({path}, "cannot set the mode", errno);
    give_to_owner(made->fd(), parent->fd());
}

/// The directory below `root`, made where it is missing.
std::shared_ptr<const OutputDirectory> make_directories(const std::string& root, std::string_view below) {
    std::string path = root;
    OutputDirectory::open(root);  // the root itself must be there
    for (const auto& part : std::filesystem::path(below)) {
        path += "/" + part.string();
        make_directory(path);
    }
    return OutputDirectory::open(path);
}

/// The last directory on the way from `root` to `below` that is there.
std::shared_ptr<const OutputDirectory> deepest_directory(const std::string& root, std::string_view below) {
    std::string path = root;
    for (const auto& part : std::filesystem::path(below)) {
        const std::string next = path + "/" + part.string();
        // A symlink to nothing is in the way of a directory, and opening it says so.
        if (::faccessat(AT_FDCWD, next.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0) break;
        path = next;
    }
    return OutputDirectory::open(path);
}

std::string blob_name(const Layer& layer) { return "sha256-" + layer.digest; }

std::string folder_of(const Name& name) { return fmt::format("{}/{}", registry, name.model); }

/// Publishes a file that others are to read.
void commit(OutputFile& file, const OutputDirectory& directory) {
    if (::fchmod(file.fd(), file_mode) != 0) throw io_error({file.name()}, "cannot set the mode", errno);
    give_to_owner(file.fd(), directory.fd());
    file.commit();
}

Placed written(std::string path, std::uint64_t size) { return {std::move(path), "written", size, size}; }

/// True where the blob is in the folder. Read, unless it is the file that was hashed, or its disk blocks
/// under another name: a disk that filled up leaves blobs of the right size. A symlink whose file is gone
/// (shared memory that was let go, a disk that is not mounted) is none.
bool is_there(const OutputDirectory& blobs, const Layer& layer, Progress& progress) {
    const std::string name = blob_name(layer);
    struct stat status {};
    if (::fstatat(blobs.fd(), name.c_str(), &status, 0) != 0) return false;
    if (!S_ISREG(status.st_mode))
        throw Error(ErrorKind::io, {blobs.prefix() + name}, "is there already, and is no regular file",
                    EEXIST);
    const File blob = File::open(blobs.prefix() + name);
    if (blob.size() != layer.size)
        throw Error(ErrorKind::io, {blob.name()},
                    fmt::format("is there already with {} bytes instead of {}", blob.size(), layer.size));
    const bool hashed =
        layer.file && (blob.identity() == layer.file->identity() || detail::same_blocks(blob, *layer.file));
    if (!hashed && sha256_of({&blob}, 1, progress).front() != layer.digest)
        throw Error(ErrorKind::io, {blob.name()},
                    "is there already, and its content is not what its name says");
    return true;
}

bool on_one_device(const File& file, const OutputDirectory& folder) {
    return file.identity().device == identify(folder.fd(), folder.prefix()).device;
}

/// How a blob is made in `folder`: what automatic comes to is the first that costs no disk.
Link way_to_link(Link link, const File& file, const OutputDirectory& folder) {
    if (link != Link::automatic) return link;
    if (clone_block(file, folder)) return Link::reflink;
    return on_one_device(file, folder) ? Link::hard : Link::symbolic;
}

class Installer {
public:
    Installer(const std::string& root, Link link, Progress& progress)
        : blobs_(make_directories(root, "blobs")), link_(link), progress_(progress) {}

    Placed place(const Layer& layer) {
        const std::string name = blob_name(layer);
        Placed placed{blobs_->prefix() + name, "there already", layer.size};
        if (is_there(*blobs_, layer, progress_)) return placed;
        if (layer.file) {
            placed.how = link_file(*layer.file, name);
            require_unchanged(*layer.file, name);
        } else {
            placed = write_text(layer.content, name);
        }
        return placed;
    }

    void sync() const { blobs_->sync(); }

private:
    /// Whatever still has the name is a symlink to nothing, or just now became the same blob.
    static constexpr OutputFile::Options over_symlinks = {.replace = true};

    Placed write_text(const std::string& content, const std::string& name) const {
        OutputFile blob = OutputFile::create(blobs_, name, over_symlinks);
        blob.write(0, as_bytes(content));
        commit(blob, *blobs_);
        return written(blobs_->prefix() + name, content.size());
    }

    std::string link_file(const File& file, const std::string& name) {
        const Link way = way_to_link(link_, file, *blobs_);
        if (way == Link::reflink) {
            reflink(file, name);
            return std::string(name_of(way));
        }
        if (way == Link::hard) {
            // By descriptor: what was hashed is what is linked, whatever its path names by now.
            const std::string self = fmt::format("/proc/self/fd/{}", file.fd());
            if (put(name, [&](const char* at) {
                    return ::linkat(AT_FDCWD, self.c_str(), blobs_->fd(), at, AT_SYMLINK_FOLLOW);
                }))
                return std::string(name_of(way));
            // Files of others may not be linked (fs.protected_hardlinks).
            if (link_ == Link::hard)
                throw io_error({blobs_->prefix() + name}, "cannot hard-link " + file.name(), errno);
        }
        const std::string target = detail::absolute_path(file.name());
        if (!put(name, [&](const char* at) { return ::symlinkat(target.c_str(), blobs_->fd(), at); }))
            throw io_error({blobs_->prefix() + name}, "cannot link to " + target, errno);
        if (!blobs_->holds(name, file.identity())) {
            blobs_->remove(name);
            throw Error(ErrorKind::mismatch, {file.name()},
                        "another file has taken its name since it was opened");
        }
        return std::string(name_of(Link::symbolic));
    }

    /// `make` makes a directory entry of that name, or returns -1 and errno. What has the name gives way to
    /// it.
    template <typename Make>
    bool put(const std::string& name, const Make& make) const {
        if (make(name.c_str()) == 0) return true;
        if (errno != EEXIST) return false;
        const std::string temporary = fmt::format(".{}.{}.tmp", name, ::getpid());
        if (make(temporary.c_str()) != 0) return false;
        if (::renameat(blobs_->fd(), temporary.c_str(), blobs_->fd(), name.c_str()) == 0) return true;
        const int error = errno;
        ::unlinkat(blobs_->fd(), temporary.c_str(), 0);
        errno = error;
        return false;
    }

    /// The digest may be one that was kept, or be hours old.
    void require_unchanged(const File& file, const std::string& name) const {
        try {
            file.check_unchanged();
        } catch (const Error&) {
            blobs_->remove(name);
            throw;
        }
    }

    void reflink(const File& file, const std::string& name) {
        OutputFile blob = OutputFile::create(blobs_, name, over_symlinks);
        const std::array pieces = {Piece::of(file, {0, file.size()})};
        FileSink sink(blob);
        Copier(Reflink::always, progress_).copy(pieces, sink, 0);
        sink.finish();
        commit(blob, *blobs_);
    }

    std::shared_ptr<const OutputDirectory> blobs_;
    Link link_;
    Progress& progress_;
};

}  // namespace

std::string manifest_path(const std::string& models_directory, const Name& name) {
    return fmt::format("{}/{}/{}/{}", models_directory, registry, name.model, name.tag);
}

void require_installable(const std::string& models_directory, const Name& name, bool replace) {
    OutputDirectory::open(models_directory);
    for (const std::string& below : {std::string("blobs"), folder_of(name)})
        deepest_directory(models_directory, below)->require_writable();
    const std::string path = manifest_path(models_directory, name);
    const bool taken = ::faccessat(AT_FDCWD, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    if (taken && !replace) throw Error(ErrorKind::io, {path}, "exists already (--force replaces it)", EEXIST);
    if (taken)
        require_free_name(*OutputDirectory::open(split_path(path).directory), name.tag, {.replace = replace},
                          {});
}

bool readable_by_owner(const File& file, const std::string& models_directory, Link link) {
    struct stat owner {};
    if (::fstat(OutputDirectory::open(models_directory)->fd(), &owner) != 0 || owner.st_uid == 0) return true;
    const auto may = [&](const struct stat& what, unsigned user, unsigned group, unsigned others) {
        const unsigned asked = what.st_uid == owner.st_uid   ? user
                               : what.st_gid == owner.st_gid ? group
                                                             : others;
        return (what.st_mode & asked) != 0;
    };
    struct stat status {};
    if (::fstat(file.fd(), &status) != 0 || !may(status, S_IRUSR, S_IRGRP, S_IROTH)) return false;
    if (link != Link::symbolic) return true;
    std::filesystem::path way = detail::absolute_path(file.name());
    while (way != way.parent_path()) {
        way = way.parent_path();
        if (::stat(way.c_str(), &status) == 0 && !may(status, S_IXUSR, S_IXGRP, S_IXOTH)) return false;
    }
    return true;
}

void require_linkable(const std::vector<const File*>& files, const std::string& models_directory, Link link) {
    const auto near = deepest_directory(models_directory, "blobs");
    for (const File* file : files) {
        if (link == Link::reflink && !clone_block(*file, *near))
            throw Error(ErrorKind::io, {models_directory},
                        fmt::format("cannot share the blocks of {}: take another --link", file->name()),
                        EOPNOTSUPP);
        if (link == Link::hard && !on_one_device(*file, *near))
            throw io_error({models_directory}, "cannot hard-link " + file->name(), EXDEV);
    }
}

std::vector<Placed> foresee(const Plan& plan, const std::string& models_directory, Link link,
                            Progress& progress) {
    const auto near = deepest_directory(models_directory, "blobs");
    const bool blobs = ::access((models_directory + "/blobs").c_str(), F_OK) == 0;
    std::vector<Placed> placed;
    const auto add = [&](const Layer& layer) {
        std::string path = fmt::format("{}/blobs/{}", models_directory, blob_name(layer));
        if (blobs && is_there(*near, layer, progress)) {
            placed.push_back({std::move(path), "there already", layer.size});
        } else if (layer.file) {
            const Link way = way_to_link(link, *layer.file, *near);
            placed.push_back({std::move(path), std::string(name_of(way)), layer.size});
        } else {
            placed.push_back(written(std::move(path), layer.size));
        }
    };
    for (const Layer& layer : plan.layers) add(layer);
    add(plan.config);
    placed.push_back(written(manifest_path(models_directory, plan.name), manifest_json(plan).size()));
    return placed;
}

std::vector<Placed> install(const Plan& plan, const std::string& models_directory, Link link, bool replace,
                            Progress& progress) {
    require_installable(models_directory, plan.name, replace);
    Installer installer(models_directory, link, progress);
    std::vector<Placed> placed;
    for (const Layer& layer : plan.layers) placed.push_back(installer.place(layer));
    placed.push_back(installer.place(plan.config));
    installer.sync();
    if (progress.stop_requested()) throw io_error({models_directory}, "stopped", EINTR);

    const std::string text = manifest_json(plan);
    const auto folder = make_directories(models_directory, folder_of(plan.name));
    OutputFile manifest = OutputFile::create(folder, plan.name.tag, {.replace = replace});
    manifest.write(0, as_bytes(text));
    commit(manifest, *folder);
    placed.push_back(written(manifest_path(models_directory, plan.name), text.size()));
    return placed;
}

}  // namespace ggufmap::ollama
