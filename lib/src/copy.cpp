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

#include "ggufmap/error.hpp"

namespace ggufmap {
namespace {

// Small enough to stay in the L2 cache between read, digest and write: measured as fast as a mapping, and a
// file that shrinks is an error, not a SIGBUS.
constexpr std::size_t chunk = 256 << 10;

bool share_extents(int target, std::uint64_t offset, const File& source, Range range) {
    struct file_clone_range request {};
    request.src_fd = source.fd();
    request.src_offset = range.offset;
    request.src_length = range.size;
    request.dest_offset = offset;
    return ::ioctl(target, FICLONERANGE, &request) == 0;
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

class Copier::Reader {
public:
    /// The next bytes of `range`, at least one.
    Bytes read(const File& source, Range range) {
        const std::size_t size = std::min<std::uint64_t>(range.size, chunk);
        source.read_exactly(range.offset, std::span(buffer_).first(size));
        return Bytes(buffer_).first(size);
    }
    /// At most `size` zeros.
    Bytes zeros(std::uint64_t size) {
        std::fill(buffer_.begin(), buffer_.end(), std::byte{0});
        return Bytes(buffer_).first(std::min<std::uint64_t>(size, chunk));
    }

private:
    std::vector<std::byte> buffer_ = std::vector<std::byte>(chunk);
};

Copier::Copier(Reflink reflink, Progress& progress)
    : reflink_(reflink), progress_(progress), reader_(std::make_unique<Reader>()) {}

Copier::~Copier() = default;

std::uint64_t Copier::copy(std::span<const Piece> pieces, Sink& sink, std::uint64_t offset, const Tap& tap) {
    for (const Piece& piece : pieces) {
        const Range shared = reflink_ == Reflink::never ? Range{} : share(piece, sink, offset);
        if (shared.empty()) {
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

void Copier::copy_one(const Piece& piece, Range range, Sink& sink, std::uint64_t offset, const Tap& tap) {
    if (piece.source == nullptr && !piece.text.empty())
        return hand_on(piece, as_bytes(piece.text), sink, offset, tap);
    while (!range.empty()) {
        const Bytes bytes =
            piece.source != nullptr ? reader_->read(*piece.source, range) : reader_->zeros(range.size);
        hand_on(piece, bytes, sink, offset, tap);
        range = {range.offset + bytes.size(), range.size - bytes.size()};
        offset += bytes.size();
    }
}

void Copier::hand_on(const Piece& piece, Bytes bytes, Sink& sink, std::uint64_t offset, const Tap& tap) {
    if (progress_.stop_requested()) throw Error(ErrorKind::io, {}, "interrupted", EINTR);
    if (tap) tap(piece, bytes);
    sink.write(offset, bytes);
    progress_.add(bytes.size());
}

}  // namespace ggufmap
