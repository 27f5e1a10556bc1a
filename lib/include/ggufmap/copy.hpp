// Bytes from files into outputs: the engine under shard and stitch. Knows nothing of GGUF.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "ggufmap/bytes.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/file.hpp"
#include "ggufmap/output.hpp"

namespace ggufmap {

/// How a run tells its caller how far it is, and learns that it should stop. Called often, by one thread at a
/// time.
class GGUFMAP_API Progress {
public:
    virtual ~Progress() = default;
    /// `bytes` more are done.
    virtual void add(std::uint64_t bytes) = 0;
    /// True: end now with an Error (io, EINTR), leaving nothing behind.
    virtual bool stop_requested() = 0;
};

/// Consecutive bytes of an output: a stretch of a file, given bytes, or zeros.
struct Piece {
    const File* source = nullptr;  ///< null: `text`, or zeros where that is empty
    Range range;                   ///< in the source; of text and zeros only the size counts
    std::string text = {};

    static Piece of(const File& source, Range range) { return {&source, range}; }
    static Piece given(std::string text) {
        const Range range{0, text.size()};
        return {nullptr, range, std::move(text)};
    }
    static Piece zeros(std::uint64_t size) { return {nullptr, {0, size}}; }
};

/// Data whose offsets in two files agree modulo this can be shared by them (blocks of XFS and btrfs) and goes
/// from disk to disk without the processor (sectors of all disks).
constexpr std::uint64_t congruence = 4096;
/// Bytes from which on that is worth a header of up to one such block more.
constexpr std::uint64_t worth_congruence = 64 * congruence;

enum class Reflink {
    never,
    automatic,  ///< where the file system can and offsets agree, else copy
    always      ///< or fail
};

/// Where copied bytes go.
class GGUFMAP_API Sink {
public:
    virtual ~Sink() = default;
    /// Called with rising offsets and without holes, unless concurrent(). Throws Error (io).
    virtual void write(std::uint64_t offset, Bytes bytes) = 0;
    /// write() of memory that stays as it is until the next call of lend() or settle() has come back, so that
    /// nothing need be copied. The sink holds `owner` of that memory meanwhile: an Error may end the copy.
    /// Throws Error (io).
    virtual void lend(std::uint64_t offset, Bytes bytes, const std::shared_ptr<const void>& owner);
    /// Waits until no memory is lent any more. Throws Error (io).
    virtual void settle() {}
    /// Comes after the last write. Throws Error (io).
    virtual void finish() {}
    /// Memory of the sink's own for the bytes at `offset`: what is read into it and then given to write() is
    /// copied once less. Empty where it has none.
    virtual std::span<std::byte> room(std::uint64_t offset);
    /// Whether several threads may call room() and write() at once, with offsets in any order.
    virtual bool concurrent() const { return false; }
    /// A file that extents can be shared into, -1 for none.
    virtual int clone_target() const { return -1; }
};

namespace detail {
class DirectRing;
class DirectWriter;
}  // namespace detail

/// Into a file of `size` bytes. A large one that shall not stay in the page cache is written past it.
class GGUFMAP_API FileSink final : public Sink {
public:
    /// Size 0, as where extents will be shared: through the page cache. With several jobs it is concurrent()
    /// where the file system lets it.
    explicit FileSink(OutputFile& file, std::uint64_t size = 0, unsigned jobs = 1);
    ~FileSink() override;
    void write(std::uint64_t offset, Bytes bytes) override;
    void lend(std::uint64_t offset, Bytes bytes, const std::shared_ptr<const void>& owner) override;
    void settle() override;
    void finish() override;
    std::span<std::byte> room(std::uint64_t offset) override;
    bool concurrent() const override { return concurrent_; }
    int clone_target() const override { return file_.fd(); }

private:
    OutputFile& file_;
    std::unique_ptr<detail::DirectWriter> direct_;  ///< for one thread
    Fd aligned_;                                    ///< past the page cache, for several
    bool concurrent_ = false;
};

/// Takes bytes and forgets them: for passes that only hash.
class GGUFMAP_API NullSink final : public Sink {
public:
    void write(std::uint64_t, Bytes) override {}
    bool concurrent() const override { return true; }
};

/// The block that offsets in `source` and in a file in `directory` must agree modulo, so that the two can
/// share extents; nothing where they cannot. Tries it with a file that never gets a name.
GGUFMAP_API std::optional<std::uint64_t> clone_block(const File& source, const OutputDirectory& directory);

/// Copies pieces. Keeps its buffers from call to call; not thread-safe.
class GGUFMAP_API Copier {
public:
    /// Sees every byte in order on its way; not called for shared extents.
    using Tap = std::function<void(const Piece&, Bytes)>;

    /// With several jobs, large copies into a sink that is concurrent() are shared among so many threads.
    Copier(Reflink reflink, Progress& progress, unsigned jobs = 1);
    ~Copier();
    Copier(const Copier&) = delete;
    Copier& operator=(const Copier&) = delete;

    /// Writes `pieces` behind one another from `offset` on; returns the offset behind the last. With
    /// Reflink::automatic and ::always, whole blocks are shared instead of copied. Throws Error: io; mismatch
    /// where a source ends too early.
    std::uint64_t copy(std::span<const Piece> pieces, Sink& sink, std::uint64_t offset, const Tap& tap = {});

    /// Bytes that were shared, not copied, so far.
    std::uint64_t shared_bytes() const { return shared_; }

private:
    class Reader;
    std::uint64_t copy_together(std::span<const Piece> pieces, Sink& sink, std::uint64_t offset,
                                const Tap& tap);
    void copy_direct(const Piece& piece, Sink& sink, std::uint64_t offset, const Tap& tap);
    bool is_cold(const Piece& piece) const;
    bool worth_direct(const Piece& piece);
    void copy_one(const Piece& piece, Range range, Sink& sink, std::uint64_t offset, const Tap& tap);
    Range share(const Piece& piece, Sink& sink, std::uint64_t offset);
    void hand_on(const Piece& piece, Bytes bytes, Sink& sink, std::uint64_t offset, const Tap& tap);
    void show(const Piece& piece, Bytes bytes, const Tap& tap);

    Reflink reflink_;
    Progress& progress_;
    unsigned jobs_;
    std::unique_ptr<Reader> reader_;
    std::shared_ptr<detail::DirectRing> ring_;  ///< made for the first cold source
    bool no_ring_ = false;                      ///< this machine has none
    std::uint64_t shared_ = 0;
};

}  // namespace ggufmap
