// Blobs and manifests on disk.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>

#include "ggufmap/error.hpp"
#include "ggufmap/ollama.hpp"

namespace ggufmap::ollama {
namespace {

constexpr mode_t directory_mode = 0755;  // as Ollama makes them
constexpr std::string_view registry = "manifests/registry.ollama.ai/library";

/// The directory below `root`, made where it is missing.
std::shared_ptr<const OutputDirectory> make_directories(const std::string& root, std::string_view below) {
    std::string path = root;
    OutputDirectory::open(root);  // the root itself must be there
    for (const auto& part : std::filesystem::path(below)) {
        path += "/" + part.string();
        if (::mkdir(path.c_str(), directory_mode) != 0 && errno != EEXIST)
            throw io_error({path}, "cannot create the directory", errno);
    }
    return OutputDirectory::open(path);
}

class Installer {
public:
    Installer(const std::string& root, Link link, Progress& progress)
        : blobs_(make_directories(root, "blobs")), link_(link), progress_(progress) {}

    Placed place(const Layer& layer) {
        const std::string name = "sha256-" + layer.digest;
        Placed placed{blobs_->prefix() + name, "there already", layer.size};
        if (is_there(name, layer)) return placed;
        placed.how = layer.file ? link_file(*layer.file, name) : write_text(layer.content, name);
        return placed;
    }

    void sync() const { blobs_->sync(); }

private:
    /// Read, unless it is the file that was hashed: a disk that filled up leaves blobs of the right size.
    bool is_there(const std::string& name, const Layer& layer) const {
        struct stat status {};
        if (::fstatat(blobs_->fd(), name.c_str(), &status, 0) == 0) {
            const File blob = File::open(blobs_->prefix() + name);
            if (blob.size() != layer.size)
                throw Error(
                    ErrorKind::io, {blob.name()},
                    fmt::format("is there already with {} bytes instead of {}", blob.size(), layer.size));
            const bool hashed = layer.file && blob.identity() == layer.file->identity();
            if (!hashed && sha256_of({&blob}, 1, progress_).front() != layer.digest)
                throw Error(ErrorKind::io, {blob.name()},
                            "is there already, and its content is not what its name says");
            return true;
        }
        if (blobs_->exists(name))
            throw Error(ErrorKind::io, {blobs_->prefix() + name}, "is a symlink to what is no longer there");
        return false;
    }

    std::string write_text(const std::string& content, const std::string& name) const {
        OutputFile blob = OutputFile::create(blobs_, name, {});
        blob.write(0, as_bytes(content));
        blob.commit();
        return "written";
    }

    std::string link_file(const File& file, const std::string& name) {
        const bool any = link_ == Link::automatic;
        if (link_ == Link::reflink || (any && clone_block(file, *blobs_))) {
            reflink(file, name);
            return std::string(name_of(Link::reflink));
        }
        if (link_ == Link::hard || any) {
            // By descriptor: what was hashed is what is linked, whatever its path names by now.
            const std::string self = fmt::format("/proc/self/fd/{}", file.fd());
            if (::linkat(AT_FDCWD, self.c_str(), blobs_->fd(), name.c_str(), AT_SYMLINK_FOLLOW) == 0)
                return std::string(name_of(Link::hard));
            if (!any) throw io_error({blobs_->prefix() + name}, "cannot hard-link " + file.name(), errno);
        }
        const std::string target = std::filesystem::absolute(file.name()).lexically_normal();
        if (::symlinkat(target.c_str(), blobs_->fd(), name.c_str()) != 0)
            throw io_error({blobs_->prefix() + name}, "cannot link to " + target, errno);
        return std::string(name_of(Link::symbolic));
    }

    void reflink(const File& file, const std::string& name) {
        OutputFile blob = OutputFile::create(blobs_, name, {});
        const std::array pieces = {Piece::of(file, {0, file.size()})};
        FileSink sink(blob);
        Copier(Reflink::always, progress_).copy(pieces, sink, 0);
        sink.finish();
        blob.commit();
    }

    std::shared_ptr<const OutputDirectory> blobs_;
    Link link_;
    Progress& progress_;
};

}  // namespace

std::string manifest_path(const std::string& models_directory, const Name& name) {
    return fmt::format("{}/{}/{}/{}", models_directory, registry, name.model, name.tag);
}

std::vector<Placed> install(const Plan& plan, const std::string& models_directory, Link link, bool replace,
                            Progress& progress) {
    const auto folder = make_directories(models_directory, fmt::format("{}/{}", registry, plan.name.model));
    const OutputFile::Options options{.replace = replace};
    require_free_name(*folder, plan.name.tag, options, {});
    Installer installer(models_directory, link, progress);
    std::vector<Placed> placed;
    for (const Layer& layer : plan.layers) placed.push_back(installer.place(layer));
    placed.push_back(installer.place(plan.config));
    installer.sync();
    if (progress.stop_requested()) throw io_error({models_directory}, "stopped", EINTR);

    const std::string text = manifest_json(plan);
    OutputFile manifest = OutputFile::create(folder, plan.name.tag, options);
    manifest.write(0, as_bytes(text));
    manifest.commit();
    placed.push_back({manifest_path(models_directory, plan.name), "written", text.size()});
    return placed;
}

}  // namespace ggufmap::ollama
