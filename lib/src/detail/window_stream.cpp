#include "detail/window_stream.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace ggufmap::detail {
namespace {

// Bytes that are copied out of the page cache at a time.
constexpr std::uint64_t copied_window = std::uint64_t{2} << 20;

Error shrank(const File& file, std::uint64_t offset) {
    return Error(ErrorKind::mismatch, {file.name(), {}, offset}, "the file shrank while it was read");
}

// Reads all of `out` or says why not.
std::optional<Error> read_all(int fd, const File& file, std::uint64_t offset, std::span<std::byte> out) {
    while (!out.empty()) {
        const ssize_t got = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return io_error({file.name(), {}, offset}, "cannot read", errno);
        if (got == 0) return shrank(file, offset);
        offset += static_cast<std::uint64_t>(got);
        out = out.subspan(static_cast<std::size_t>(got));
    }
    return std::nullopt;
}

Fd open_direct(const File& file) {
    try {
        return file.reopen(O_RDONLY | O_DIRECT);
    } catch (const Error&) {
        return {};  // the file system has none: buffered reads do
    }
}

}  // namespace

WeightFiles::WeightFiles(const Model& model, bool keep_cache) : model_(model) {
    for (const Shard& shard : model.shards()) {
        Opened& opened = shards_.emplace_back();
        opened.buffered = shard.file.reopen(O_RDONLY);
        // What is absent is read, and dropped, piece by piece.
        ::posix_fadvise(opened.buffered.get(), 0, 0, keep_cache ? POSIX_FADV_SEQUENTIAL : POSIX_FADV_RANDOM);
        opened.direct = open_direct(shard.file);
        opened.mapped = std::make_unique<LeasedMap>(
            shard.file, keep_cache ? LeasedMap::ReadAhead::yes : LeasedMap::ReadAhead::no);
    }
}

WindowStream::WindowStream(const WeightFiles& files, std::span<const ShardRange> extents,
                           std::vector<std::size_t> order, const Residency& residency,
                           DirectRing::Shape shape, std::uint64_t mapped_window)
    : files_(files),
      extents_(extents),
      order_(std::move(order)),
      residency_(residency),
      mapped_window_(mapped_window) {
    std::erase_if(order_, [&](std::size_t index) { return extents_[index].range.empty(); });
    steps_ = plan_steps(extents_, order_, residency_);
    start_ring(shape);
}

void WindowStream::start_ring(DirectRing::Shape shape) {
    const auto is_direct = [&](const Step& step) {
        return step.way == Way::direct && files_.direct(step.shard);
    };
    if (std::none_of(steps_.begin(), steps_.end(), is_direct)) return;
    ring_.emplace(shape);
    if (!ring_->usable()) return ring_.reset();
    for (const Step& step : steps_) {
        if (is_direct(step)) ring_->read(files_.direct(step.shard).get(), step.range);
    }
}

bool WindowStream::next(Window& window) {
    window = {};
    if (step_ == steps_.size()) return false;
    const Step& step = steps_[step_];
    if (step.way == Way::direct && ring_ && files_.direct(step.shard)) {
        next_direct(step, window);
    } else if (step.way != Way::cached || !next_mapped(step, window)) {
        next_buffered(step, window);
    }
    if (in_step_ == step.range.size) {
        ++step_;
        in_step_ = 0;
    }
    return true;
}

void WindowStream::next_direct(const Step& step, Window& window) {
    const auto piece = ring_->next();
    in_step_ += piece->range.size;
    if (piece->error != 0 || piece->bytes.size() != piece->range.size) {
        ring_->release(*piece);
        return salvage(step, piece->range, window);
    }
    window.piece = piece;
    add_events(step, piece->range, piece->bytes.data(), window);
}

// False where nothing can be lent.
bool WindowStream::next_mapped(const Step& step, Window& window) {
    // To a multiple of the window: a folio that it cut would be mapped again as a whole by the next window,
    // and what lies behind that would stay mapped.
    const std::uint64_t begin = step.range.offset + in_step_;
    const std::uint64_t end = std::min((begin / mapped_window_ + 1) * mapped_window_, step.range.end());
    const Range range{begin, end - begin};
    LeasedMap& map = files_.mapped(step.shard);
    const auto bytes = map.borrow(range);
    if (!bytes) return false;
    in_step_ += range.size;
    window.lender = &map;
    window.lent = range;
    add_events(step, range, bytes->data(), window);
    return true;
}

void WindowStream::next_buffered(const Step& step, Window& window) {
    const Range range{step.range.offset + in_step_, std::min(copied_window, step.range.size - in_step_)};
    in_step_ += range.size;
    // Copied: a mapping without a lease raises SIGBUS where somebody cuts the file. What is in memory is not
    // read: behind a readahead mark that would bring in what follows.
    const std::span<std::byte> out = room(range.size, window);
    const bool copied = step.way == Way::cached && files_.mapped(step.shard).copy(range.offset, out);
    const bool read =
        copied || !read_all(files_.buffered(step.shard).get(), files_.file(step.shard), range.offset, out);
    if (!read) return salvage(step, range, window);
    drop_behind(step, range);
    add_events(step, range, out.data(), window);
}

// Memory of the window itself, where it can be one that an earlier window had.
std::span<std::byte> WindowStream::room(std::uint64_t size, Window& window) {
    if (window.own.empty() && !spare_.empty()) {
        window.own = std::move(spare_.back());
        spare_.pop_back();
    }
    if (window.own.size() < size) window.own.resize(size);
    return std::span(window.own).first(size);
}

// Something in the range cannot be read. Extent by extent tells which of them suffer.
void WindowStream::salvage(const Step& step, Range range, Window& window) {
    std::span<std::byte> left = room(range.size, window);
    walk(step.shard, range, window, [&](WindowEvent& event, Range part) {
        const std::span<std::byte> out = left.first(part.size);
        left = left.subspan(part.size);
        auto error = read_all(files_.buffered(step.shard).get(), files_.file(step.shard), part.offset, out);
        if (error) {
            event.error = std::make_unique<Error>(std::move(*error));
        } else {
            event.bytes = out;
        }
    });
    drop_behind(step, range);
}

// Buffered reads leave in the page cache what was not there before.
void WindowStream::drop_behind(const Step& step, Range range) const {
    if (step.way == Way::cached) return;
    for (const Range absent : residency_.absent(step.shard)) {
        const Range both = intersection(absent, range);
        if (both.empty()) continue;
        const Range pages = page_cover(both, page_size());
        ::posix_fadvise(files_.buffered(step.shard).get(), static_cast<off_t>(pages.offset),
                        static_cast<off_t>(pages.size), POSIX_FADV_DONTNEED);
    }
}

void WindowStream::add_events(const Step& step, Range range, const std::byte* first, Window& window) {
    walk(step.shard, range, window, [&](WindowEvent& event, Range part) {
        event.bytes = {first + (part.offset - range.offset), part.size};
    });
}

// Calls `use` for what the range holds of each extent, in order, and counts it as delivered.
template <typename Use>
void WindowStream::walk(std::uint32_t shard, Range range, Window& window, const Use& use) {
    while (cursor_ < order_.size()) {
        const std::size_t index = order_[cursor_];
        const ShardRange& extent = extents_[index];
        const std::uint64_t begin = extent.range.offset + in_extent_;
        if (extent.shard != shard || begin < range.offset || begin >= range.end()) return;
        const Range part{begin, std::min(range.end(), extent.range.end()) - begin};
        in_extent_ += part.size;
        window.bytes += part.size;
        const bool last = in_extent_ == extent.range.size;
        if (!extent_failed_) {
            WindowEvent event{index, {}, last};
            use(event, part);
            extent_failed_ = event.error != nullptr;
            window.events.push_back(std::move(event));
        }
        if (!last) return;
        ++cursor_;
        in_extent_ = 0;
        extent_failed_ = false;
    }
}

void WindowStream::release(Window& window) {
    if (window.piece) ring_->release(*window.piece);
    if (window.lender != nullptr) window.lender->give_back(window.lent);
    if (!window.own.empty()) spare_.push_back(std::move(window.own));
    window = {};
}

}  // namespace ggufmap::detail
