// Bytes that come one after the other, on pages that never move: address space is taken for all that may
// come, memory as it comes.
#pragma once

#include <cstddef>
#include <memory>

namespace ggufmap::detail {

class PageBuffer {
public:
    PageBuffer() = default;
    /// Room for `most` bytes; where the process may not have as much address space, for `least`.
    /// Throws std::bad_alloc where even that is not to be had.
    PageBuffer(std::size_t least, std::size_t most);
    PageBuffer(PageBuffer&& other) noexcept;
    PageBuffer& operator=(PageBuffer&& other) noexcept;
    ~PageBuffer();

    std::byte* data() const { return data_; }
    std::size_t capacity() const { return capacity_; }
    /// The first `size` bytes, for good; the pages behind them go back.
    std::shared_ptr<const std::byte> release(std::size_t size);

private:
    std::byte* data_ = nullptr;
    std::size_t capacity_ = 0;
};

}  // namespace ggufmap::detail
