// A header read by somebody who looks at the page cache, and must not change what he looks at.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "detail/resident_pages.hpp"
#include "ggufmap/file.hpp"
#include "ggufmap/pagecache.hpp"
#include "ggufmap/source.hpp"

namespace ggufmap::detail {

/// What is in memory is copied from there, the rest comes from the disk past the cache. pread would do
/// neither: it brings in what it reads and, where it meets a page with a readahead mark, up to 8 MiB behind
/// it, POSIX_FADV_RANDOM notwithstanding; letting those go again would take them from whoever reads them
/// meanwhile. Only where a file system reads through the cache all the same (btrfs with checksums), what it
/// brought in of the header is let go.
class StillSource final : public ByteSource {
public:
    explicit StillSource(const File& file);
    std::size_t read(std::span<std::byte> out) override;
    std::optional<std::uint64_t> size() const override { return file_.size(); }
    const std::string& name() const override { return file_.name(); }

private:
    struct Free {
        void operator()(std::byte* memory) const { std::free(memory); }
    };

    void open_to_read(int flags);
    bool copy_resident(std::span<std::byte> out);
    std::size_t read_past_cache(std::span<std::byte> out);
    std::size_t read_blocks(std::span<std::byte> out);

    const File& file_;
    KernelPageCache cache_;
    std::optional<ResidentPages> resident_;      // none: files in memory, and what cannot be mapped
    Fd fd_;                                      // none: files in memory
    std::unique_ptr<std::byte[], Free> buffer_;  // of blocks
    std::uint64_t position_ = 0;
};

}  // namespace ggufmap::detail
