// The hidden file that grows into a result, over several runs if need be.
#pragma once

#include <string>

#include "ggufmap/copy.hpp"

namespace ggufmap::detail {

class PartialFile final : public Sink {
public:
    /// ".NAME.ggufmap-partial" in the directory; `flags` are those of open(2) beyond O_RDWR. Throws Error
    /// (io).
    static PartialFile open(const OutputDirectory& directory, const std::string& name, int flags);
    static std::string hidden_name(const std::string& name);

    void write(std::uint64_t offset, Bytes bytes) override;
    bool concurrent() const override { return true; }
    /// Makes it `size` bytes long and takes the disk for them; what is there stays. Throws Error (io).
    void reserve(std::uint64_t size);
    /// On disk, and out of the page cache, so that reading back asks the disk.
    void sync();
    File reread() const;
    /// Gives it its name, which must be free unless it `replaces`, and makes that durable. Throws Error (io).
    void publish(const OutputDirectory& directory, const std::string& name, bool replaces) const;

private:
    PartialFile(Fd fd, std::string shown) : fd_(std::move(fd)), shown_(std::move(shown)) {}

    Fd fd_;
    std::string shown_;
};

}  // namespace ggufmap::detail
