// The bytes of extents, window by window, in the planned order and ways.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "detail/direct_ring.hpp"
#include "detail/leased_map.hpp"
#include "detail/read_plan.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/model.hpp"

namespace ggufmap::detail {

/// The files of a model, opened for reading weights; shared by all streams. Read-only once made.
class WeightFiles {
public:
    /// `keep_cache`: reads by way of the page cache may read ahead.
    WeightFiles(const Model& model, bool keep_cache);
    WeightFiles(const WeightFiles&) = delete;
    WeightFiles& operator=(const WeightFiles&) = delete;

    const Model& model() const { return model_; }
    const File& file(std::uint32_t shard) const { return model_.shards()[shard].file; }
    /// Open with O_DIRECT; nothing where the file system does not have it.
    const Fd& direct(std::uint32_t shard) const { return shards_[shard].direct; }
    /// Open for reads by way of the page cache.
    const Fd& buffered(std::uint32_t shard) const { return shards_[shard].buffered; }
    /// The shard's pages themselves, as long as nobody wants to write to it.
    LeasedMap& mapped(std::uint32_t shard) const { return *shards_[shard].mapped; }

private:
    struct Opened {
        Fd direct;
        Fd buffered;
        std::unique_ptr<LeasedMap> mapped;
    };
    const Model& model_;
    std::vector<Opened> shards_;
};

/// What a window says about one extent: small, as a window may hold 100,000 of them.
struct WindowEvent {
    std::size_t extent;
    Bytes bytes;
    bool last = false;                        ///< these complete the extent
    std::unique_ptr<const Error> error = {};  ///< instead of bytes
};

struct Window {
    std::vector<WindowEvent> events;
    std::uint64_t bytes = 0;  ///< of all extents, those that failed included

    // What keeps the bytes alive, for WindowStream::release.
    std::optional<DirectRing::Piece> piece = {};
    LeasedMap* lender = nullptr;
    Range lent = {};
    std::vector<std::byte> own = {};
};

/// One thread at a time.
class WindowStream {
public:
    /// `order` and `steps` as plan_steps takes and gives them; `shape` for the direct reads; of weights that
    /// are in memory `mapped_window` bytes at a time. Reading begins at once.
    WindowStream(const WeightFiles& files, std::span<const ShardRange> extents,
                 std::vector<std::size_t> order, const Residency& residency, DirectRing::Shape shape,
                 std::uint64_t mapped_window);

    /// The next window, false at the end.
    bool next(Window& window);
    /// Its bytes are no longer needed. Windows may be released in any order; at most `shape.buffers` are out.
    void release(Window& window);

private:
    void start_ring(DirectRing::Shape shape);
    void next_direct(const Step& step, Window& window);
    bool next_mapped(const Step& step, Window& window);
    void next_buffered(const Step& step, Window& window);
    std::span<std::byte> room(std::uint64_t size, Window& window);
    void salvage(const Step& step, Range range, Window& window);
    void drop_behind(const Step& step, Range range) const;
    void add_events(const Step& step, Range range, const std::byte* first, Window& window);
    template <typename Use>
    void walk(std::uint32_t shard, Range range, Window& window, const Use& use);

    const WeightFiles& files_;
    std::span<const ShardRange> extents_;
    std::vector<std::size_t> order_;
    const Residency& residency_;
    std::uint64_t mapped_window_;
    std::vector<Step> steps_;
    std::optional<DirectRing> ring_;
    std::vector<std::vector<std::byte>> spare_;  // buffers of released windows
    std::size_t step_ = 0;
    std::uint64_t in_step_ = 0;    // bytes of the step that are through
    std::size_t cursor_ = 0;       // position in order_ of the extent that comes next
    std::uint64_t in_extent_ = 0;  // bytes of it that are through
    bool extent_failed_ = false;
};

}  // namespace ggufmap::detail
