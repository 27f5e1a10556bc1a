// Files that appear whole or not at all: written without a name (or under a hidden one), made durable, then
// published under their own name. A run that ends early, by whatever means, leaves nothing that looks
// finished.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "ggufmap/bytes.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/file.hpp"

namespace ggufmap {

/// A directory that files are published in; held open, so that nothing can be moved in between.
class GGUFMAP_API OutputDirectory {
public:
    /// Throws Error (io) if it cannot be opened, or (usage) if it is none.
    static std::shared_ptr<const OutputDirectory> open(const std::string& path);
    /// The same; messages name it `shown`: for a directory that will have another name when it is done.
    static std::shared_ptr<const OutputDirectory> open_as(const std::string& path, const std::string& shown);

    int fd() const { return fd_.get(); }
    /// "" for the current directory, else ends with a slash: a prefix of the names of its files.
    const std::string& prefix() const { return prefix_; }
    /// What stands there under that name, without following a symlink; nothing if nothing does.
    bool exists(const std::string& name) const;
    /// Whether that name, symlinks followed, is this file.
    bool holds(const std::string& name, const FileIdentity& file) const;
    /// Bytes that this process may still write on the file system. Throws Error (io).
    std::uint64_t free_bytes() const;
    /// Throws Error (io) if no file can be made here.
    void require_writable() const;
    /// Makes published names durable. Throws Error (io).
    void sync() const;
    /// Removes a name; not an error if it is not there. Throws Error (io).
    void remove(const std::string& name) const;

private:
    OutputDirectory(Fd fd, std::string prefix) : fd_(std::move(fd)), prefix_(std::move(prefix)) {}
    Fd fd_;
    std::string prefix_;
};

/// The directory part ("" for none) and the name of a path.
struct SplitPath {
    std::string directory;
    std::string name;
};
/// Throws Error (usage) where the path does not end in a file name.
GGUFMAP_API SplitPath split_path(const std::string& path);

namespace detail {
class SharedMapping;
}

/// Move-only; not thread-safe.
class GGUFMAP_API OutputFile {
public:
    struct Options {
        /// An existing file of that name gives way when this one is published; of a symlink the link itself,
        /// what it led to stays.
        bool replace = false;
        bool keep_cache = false;  ///< leave what was written in the page cache
        bool durable = true;      ///< fdatasync before publishing, and the directory after
        bool named = false;       ///< hidden temporary even where an unnamed one would do: can be parked
        bool huge_pages = false;  ///< in a hugetlbfs, which has no write(2): reserve() comes first
    };

    /// Throws Error (io) where a file of that name exists and must not be replaced, or is something else than
    /// a regular file or a symlink to one or to nothing (a link to a device or into /proc may be the
    /// system's), or none can be made;
    /// Error (usage) where `name` is one of `inputs` (by device and inode), whatever it is called.
    static OutputFile create(std::shared_ptr<const OutputDirectory> directory, const std::string& name,
                             const Options& options, std::span<const FileIdentity> inputs = {});
    /// The same by path.
    static OutputFile create(const std::string& path, const Options& options,
                             std::span<const FileIdentity> inputs = {});

    OutputFile(OutputFile&& other) noexcept;
    OutputFile& operator=(OutputFile&& other) noexcept;
    /// Never publishes; removes what is not published.
    ~OutputFile();

    /// For error messages: the name that it will have.
    const std::string& name() const { return shown_; }
    int fd() const { return fd_.get(); }
    const Options& options() const { return options_; }

    /// Takes `size` bytes of disk now, so that a full disk is known before the work. The file is `size` bytes
    /// long then; of huge pages as many bytes as the pages have, and what is not written is zeros. Throws
    /// Error (io).
    void reserve(std::uint64_t size);
    /// Sets the size without taking space. Throws Error (io).
    void resize(std::uint64_t size);
    /// All of `bytes` at `offset`. Throws Error (io).
    void write(std::uint64_t offset, Bytes bytes);
    /// The file's own memory from `offset` on, where it is of huge pages; else empty. write() of bytes that
    /// lie there copies nothing.
    std::span<std::byte> room(std::uint64_t offset) const;

    /// Makes the content durable (where asked for); nothing may be written afterwards. Throws Error (io).
    void seal();
    /// Closes the descriptor of a sealed file with a hidden name, so that a set of any size needs few of
    /// them.
    void park();
    /// Gives a sealed file its name; OutputDirectory::sync() makes that durable. Throws Error (io), also
    /// where the name was taken in the meantime.
    void publish();
    /// seal(), publish(), and the directory made durable.
    void commit();
    /// Removes what a file that replaces is to replace: for sets that must not be mixed with older ones.
    /// Throws Error (io).
    void clear_place();
    /// Takes the name away again: for sets of files of which one could not be published. Only where nothing
    /// was replaced.
    void withdraw() noexcept;

private:
    OutputFile();
    void discard() noexcept;
    void link_unnamed(const std::string& as);
    void rename_into_place();
    void drop_behind(std::uint64_t end);
    void reserve_huge_pages(std::uint64_t size);

    std::shared_ptr<const OutputDirectory> directory_;
    std::string name_;
    std::string shown_;
    std::string temporary_;  ///< empty while the file has no name
    Options options_;
    Fd fd_;
    std::unique_ptr<detail::SharedMapping> huge_;  ///< what writes go to where the file is of huge pages
    bool published_ = false;
    bool replaced_ = false;
    bool uncached_writes_ = true;  ///< the kernel and the file system know RWF_DONTCACHE
    std::uint64_t dropped_ = 0;    ///< up to here the page cache was told to let go
};

/// Throws what create() would throw for this name, without making a file.
GGUFMAP_API void require_free_name(const OutputDirectory& directory, const std::string& name,
                                   const OutputFile::Options& options, std::span<const FileIdentity> inputs);

/// Publishes sealed files from the last to the first; if one cannot be, those before it are withdrawn. Where
/// they replace others, the old first one goes before anything: a run that ends in between leaves no set that
/// could be taken for one. Throws Error (io).
GGUFMAP_API void publish_together(std::span<OutputFile> files);

}  // namespace ggufmap
