// Large writes past the page cache, several in flight: O_DIRECT through io_uring. The counterpart of
// DirectRing, with the same huge-page buffers for the same reason.
#pragma once

#include <liburing.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "detail/direct_ring.hpp"
#include "ggufmap/bytes.hpp"
#include "ggufmap/output.hpp"

namespace ggufmap::detail {

/// Writes a file from its start to its end.
class DirectWriter {
public:
    explicit DirectWriter(OutputFile& file);
    /// Waits for what is in flight.
    ~DirectWriter();
    DirectWriter(const DirectWriter&) = delete;
    DirectWriter& operator=(const DirectWriter&) = delete;

    /// False where kernel, sandbox or file system will not: nothing else may be called then.
    bool usable() const { return usable_; }

    /// Where the next bytes will lie, at least one: append() of what has been read into it copies nothing.
    /// Throws Error (io).
    std::span<std::byte> room();
    /// Copies the bytes and has them written. Throws Error (io).
    void append(Bytes bytes);
    /// Has the bytes written without copying all but their ends, where their address agrees modulo
    /// DirectRing::block with their place in the file. They stay as they are until the next call of lend() or
    /// settle() has come back; `owner` of their memory is held until they are written. Throws Error (io).
    void lend(Bytes bytes, const std::shared_ptr<const void>& owner);
    /// Waits until what was lent is written. Throws Error (io).
    void settle();
    /// Waits until all is written; the last bytes, less than a block, go through the page cache. Throws Error
    /// (io).
    void finish();

private:
    // 4 x 1 MiB: more in flight is not faster, and takes more of the processor, as it is out of the caches
    // when it comes round again (cutting a cold GiB: 0.28 s with 1 MiB for reads and writes, 0.33 s with 4
    // MiB).
    static constexpr unsigned buffer_count = 4;
    static constexpr std::size_t buffer_bytes = std::size_t{1} << 20;
    // One that is being written, and one for the next.
    static constexpr unsigned loans = 2;

    struct Slot {
        const std::byte* data = nullptr;
        std::uint64_t offset = 0;
        std::size_t size = 0;
        std::size_t done = 0;
        bool in_flight = false;
        std::shared_ptr<const void> owner = {};  // of what is lent
    };

    std::byte* buffer(unsigned index) const { return memory_.data() + index * buffer_bytes; }
    /// Has the current buffer written, whole blocks, and goes on with the next one.
    void flush();
    void submit(unsigned index);
    void wait_for(unsigned index);
    void reap();

    OutputFile& file_;
    Fd direct_;
    HugeBlock memory_;
    io_uring ring_{};
    bool usable_ = false;
    std::vector<Slot> slots_;   // those of the buffers, then the loans
    unsigned lent_ = 0;         // which of them was the last
    unsigned current_ = 0;      // the buffer being filled
    std::size_t filled_ = 0;    // bytes in it
    std::uint64_t offset_ = 0;  // of its first byte in the file
    unsigned in_flight_ = 0;
};

}  // namespace ggufmap::detail
