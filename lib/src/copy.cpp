#include "ggufmap/copy.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "detail/block_copy.hpp"
#include "detail/direct_ring.hpp"
#include "detail/direct_writer.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/pagecache.hpp"

namespace ggufmap {
namespace {

// Small enough to stay in the L2 cache between read, digest and write: measured as fast as a mapping, and a
// file that shrinks is an error, not a SIGBUS.
constexpr std::size_t chunk = 256 << 10;

// Below this, setting up rings and buffers costs more than it saves.
constexpr std::uint64_t worth_a_ring = 32ULL << 20;

bool share_extents(int target, std::uint64_t offset, const File& source, Range range) {
    struct file_clone_range request {};
    request.src_fd = source.fd();
    request.src_offset = range.offset;
    request.src_length = range.size;
    request.dest_offset = offset;
    return ::ioctl(target, FICLONERANGE, &request) == 0;
}

/// Nothing where the file system has no O_DIRECT.
Fd reopen_direct(int fd) {
    return Fd(::open(fmt::format("/proc/self/fd/{}", fd).c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC));
}

bool reads_direct(const File& source) {
    try {
        return static_cast<bool>(source.reopen(O_RDONLY | O_DIRECT));
    } catch (const Error&) {  // a file system without O_DIRECT
        return false;
    }
}

std::uint64_t block_size(int fd, const std::string& name) {
    struct statfs status {};
    if (::fstatfs(fd, &status) != 0) throw io_error({name}, "cannot tell the block size", errno);
    return static_cast<std::uint64_t>(status.f_bsize);
}

}  // namespace

std::optional<std::uint64_t> clone_block(const File& source, const OutputDirectory& directory) {
    const std::uint64_t block = block_size(directory.fd(), directory.prefix());
    if (source.size() < block) return std::nullopt;
    const Fd trial(::openat(directory.fd(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!trial || !share_extents(trial.get(), 0, source, {0, block})) return std::nullopt;
    return block;
}

void Sink::lend(std::uint64_t offset, Bytes bytes, const std::shared_ptr<const void>&) {
    write(offset, bytes);
}

std::span<std::byte> Sink::room(std::uint64_t) { return {}; }

FileSink::FileSink(OutputFile& file, std::uint64_t size, unsigned jobs) : file_(file) {
    const auto& options = file.options();
    if (size < worth_a_ring) return;
    if (jobs > 1) {
        // What goes through the page cache and shall not stay there is dropped in the order of the file.
        if (!options.keep_cache) aligned_ = reopen_direct(file.fd());
        concurrent_ = options.keep_cache || aligned_;
        if (concurrent_) return;
    }
    if (options.keep_cache || !options.durable) return;
    direct_ = std::make_unique<detail::DirectWriter>(file);
    if (!direct_->usable()) direct_.reset();
}

FileSink::~FileSink() = default;

void FileSink::write(std::uint64_t offset, Bytes bytes) {
    if (direct_) return direct_->append(bytes);
    const bool aligned = offset % detail::DirectRing::block == 0 &&
                         bytes.size() % detail::DirectRing::block == 0 &&
                         reinterpret_cast<std::uintptr_t>(bytes.data()) % detail::DirectRing::block == 0;
    if (!aligned_ || !aligned) return file_.write(offset, bytes);
    while (!bytes.empty()) {
        const ssize_t done = ::pwrite(aligned_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) throw io_error({file_.name(), {}, offset}, "cannot write", done < 0 ? errno : ENOSPC);
        offset += static_cast<std::uint64_t>(done);
        bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
}

void FileSink::lend(std::uint64_t offset, Bytes bytes, const std::shared_ptr<const void>& owner) {
    if (direct_) return direct_->lend(bytes, owner);
    write(offset, bytes);
}

void FileSink::settle() {
    if (direct_) direct_->settle();
}

std::span<std::byte> FileSink::room(std::uint64_t offset) {
    return direct_ ? direct_->room() : file_.room(offset);
}

void FileSink::finish() {
    if (direct_) direct_->finish();
}

class Copier::Reader {
public:
    /// The next bytes of `range`, at least one; in `room` where that is not empty.
    Bytes read(const File& source, Range range, std::span<std::byte> room) {
        const std::span<std::byte> all = room.empty() ? std::span(buffer_) : room;
        const auto part = all.first(std::min<std::uint64_t>({range.size, chunk, all.size()}));
        source.read_exactly(range.offset, part);
        return part;
    }
    /// At most `size` zeros.
    Bytes zeros(std::uint64_t size) {
        std::fill(buffer_.begin(), buffer_.end(), std::byte{0});
        return Bytes(buffer_).first(std::min<std::uint64_t>(size, chunk));
    }

private:
    std::vector<std::byte> buffer_ = std::vector<std::byte>(chunk);
};

Copier::Copier(Reflink reflink, Progress& progress, unsigned jobs)
    : reflink_(reflink), progress_(progress), jobs_(jobs), reader_(std::make_unique<Reader>()) {}

Copier::~Copier() = default;

std::uint64_t Copier::copy(std::span<const Piece> pieces, Sink& sink, std::uint64_t offset, const Tap& tap) {
    std::uint64_t size = 0;
    for (const Piece& piece : pieces) size += piece.range.size;
    if (jobs_ > 1 && reflink_ == Reflink::never && sink.concurrent() && size >= worth_a_ring)
        return copy_together(pieces, sink, offset, tap);
    for (const Piece& piece : pieces) {
        const Range shared = reflink_ == Reflink::never ? Range{} : share(piece, sink, offset);
        if (shared.empty() && worth_direct(piece)) {
            copy_direct(piece, sink, offset, tap);
        } else if (shared.empty()) {
            copy_one(piece, piece.range, sink, offset, tap);
        } else {
            const Range before{piece.range.offset, shared.offset - piece.range.offset};
            const Range after{shared.end(), piece.range.end() - shared.end()};
            copy_one(piece, before, sink, offset, tap);
            copy_one(piece, after, sink, offset + before.size + shared.size, tap);
        }
        offset += piece.range.size;
    }
    return offset;
}

std::uint64_t Copier::copy_together(std::span<const Piece> pieces, Sink& sink, std::uint64_t offset,
                                    const Tap& tap) {
    std::vector<std::uint8_t> cold;
    for (const Piece& piece : pieces) cold.push_back(is_cold(piece) && reads_direct(*piece.source) ? 1 : 0);
    const detail::BlockCopy::Task task{pieces, cold, sink, offset, tap, progress_};
    return detail::BlockCopy(task).run(jobs_);
}

// The part of the source that the output now shares. Only whole blocks can be shared; the ends are copied.
Range Copier::share(const Piece& piece, Sink& sink, std::uint64_t offset) {
    const int target = sink.clone_target();
    if (piece.source == nullptr || target < 0) return {};
    const std::uint64_t block = block_size(target, piece.source->name());
    const std::uint64_t skip = (block - piece.range.offset % block) % block;
    const bool congruent = piece.range.offset % block == offset % block;
    if (congruent && piece.range.size >= skip + block) {
        const Range whole{piece.range.offset + skip, (piece.range.size - skip) / block * block};
        if (share_extents(target, offset + skip, *piece.source, whole)) {
            shared_ += whole.size;
            progress_.add(whole.size);
            return whole;
        }
        if (reflink_ == Reflink::always)
            throw io_error({piece.source->name(), {}, whole.offset}, "cannot share extents", errno);
    } else if (reflink_ == Reflink::always && piece.range.size >= 2 * block) {
        throw Error(ErrorKind::io, {piece.source->name(), {}, piece.range.offset},
                    fmt::format("cannot share extents: offset {:#x} of the output is not the same modulo {}",
                                offset, block));
    }
    return {};
}

// What is in the page cache is read from there; a cold file goes past it, and leaves it alone.
bool Copier::is_cold(const Piece& piece) const {
    if (piece.source == nullptr || piece.range.size < worth_a_ring) return false;
    const CacheCounts pages = KernelPageCache().query(*piece.source, piece.range);
    return pages.resident && *pages.resident <= pages.total / 2;
}

bool Copier::worth_direct(const Piece& piece) {
    if (no_ring_ || !is_cold(piece)) return false;
    // As small as those of DirectWriter, for the same reason.
    constexpr detail::DirectRing::Shape shape{.buffers = 4, .buffer_bytes = std::size_t{1} << 20};
    if (!ring_) ring_ = std::make_shared<detail::DirectRing>(shape);
    no_ring_ = !ring_->usable();
    return !no_ring_;
}

void Copier::copy_direct(const Piece& piece, Sink& sink, std::uint64_t offset, const Tap& tap) {
    const File& source = *piece.source;
    Fd direct;
    try {
        direct = source.reopen(O_RDONLY | O_DIRECT);
    } catch (const Error&) {  // a file system without O_DIRECT
        return copy_one(piece, piece.range, sink, offset, tap);
    }
    // An Error leaves reads in flight: they end with the ring, which comes back only after the last one.
    auto ring = std::move(ring_);
    ring->read(direct.get(), piece.range);
    std::optional<detail::DirectRing::Piece> lent;
    while (const auto read = ring->next()) {
        if (read->error != 0)
            throw io_error({source.name(), {}, read->range.offset}, "cannot read", read->error);
        if (read->bytes.size() != read->range.size)
            throw Error(ErrorKind::mismatch, {source.name(), {}, read->range.offset + read->bytes.size()},
                        "the file shrank while it was read");
        // Chunk by chunk, so that what one digest has brought into the L2 cache is there for the next.
        for (Bytes rest = read->bytes; !rest.empty();) {
            const Bytes bytes = rest.first(std::min(rest.size(), chunk));
            show(piece, bytes, tap);
            rest = rest.subspan(bytes.size());
        }
        // Congruent shards of a cold 2.16 GiB, without digests: 0.15 s of CPU, copied into the sink 0.75.
        sink.lend(offset, read->bytes, ring);
        offset += read->bytes.size();
        if (lent) ring->release(*lent);
        lent = read;
    }
    sink.settle();
    if (lent) ring->release(*lent);
    ring_ = std::move(ring);
}

void Copier::copy_one(const Piece& piece, Range range, Sink& sink, std::uint64_t offset, const Tap& tap) {
    if (piece.source == nullptr && !piece.text.empty())
        return hand_on(piece, as_bytes(piece.text), sink, offset, tap);
    while (!range.empty()) {
        const Bytes bytes = piece.source != nullptr ? reader_->read(*piece.source, range, sink.room(offset))
                                                    : reader_->zeros(range.size);
        hand_on(piece, bytes, sink, offset, tap);
        range = {range.offset + bytes.size(), range.size - bytes.size()};
        offset += bytes.size();
    }
}

void Copier::hand_on(const Piece& piece, Bytes bytes, Sink& sink, std::uint64_t offset, const Tap& tap) {
    show(piece, bytes, tap);
    sink.write(offset, bytes);
}

void Copier::show(const Piece& piece, Bytes bytes, const Tap& tap) {
    if (progress_.stop_requested()) throw Error(ErrorKind::io, {}, "interrupted", EINTR);
    if (tap) tap(piece, bytes);
    progress_.add(bytes.size());
}

}  // namespace ggufmap
