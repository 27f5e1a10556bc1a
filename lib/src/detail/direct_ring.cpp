#include "detail/direct_ring.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

#include "detail/advise_huge.hpp"
#include "detail/huge_page.hpp"
#include "detail/ring_end.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap::detail {

HugeBlock::HugeBlock(std::size_t size) {
    const std::size_t wanted = (size + huge_page - 1) / huge_page * huge_page;
    void* const mapping = ::mmap(nullptr, wanted + huge_page, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED) return;
    mapping_ = mapping;
    mapped_ = wanted + huge_page;
    const auto address = reinterpret_cast<std::uintptr_t>(mapping);
    const std::size_t skip = (huge_page - address % huge_page) % huge_page;
    data_ = static_cast<std::byte*>(mapping) + skip;
    advise_huge(data_, wanted);  // without it reads are slower, not wrong
}

HugeBlock::~HugeBlock() {
    if (mapping_ != nullptr) ::munmap(mapping_, mapped_);
}

DirectRing::DirectRing(Shape shape) : shape_(shape), memory_(shape.buffers * shape.buffer_bytes) {
    if (memory_.data() == nullptr) return;
    if (::io_uring_queue_init(shape.buffers, &ring_, 0) != 0) return;
    usable_ = true;
    slots_.resize(shape.buffers);
    for (unsigned i = shape.buffers; i > 0; --i) free_.push_back(i - 1);
}

DirectRing::~DirectRing() {
    if (!usable_) return;
    queue_.clear();
    end_ring(ring_, in_flight_);
}

void DirectRing::read(int fd, Range range, std::uint64_t tag) {
    if (!range.empty()) queue_.push_back({fd, range, tag});
    fill_free_buffers();
}

void DirectRing::fill_free_buffers() {
    bool any = false;
    while (!queue_.empty() && !free_.empty()) {
        Extent& extent = queue_.front();
        const unsigned index = free_.back();
        free_.pop_back();
        Slot& slot = slots_[index];
        const std::uint64_t begin = extent.left.offset / block * block;
        const std::uint64_t size =
            std::min<std::uint64_t>(extent.left.size, shape_.buffer_bytes - (extent.left.offset - begin));
        const Range wanted{extent.left.offset, size};
        slot = {extent.fd, extent.tag, wanted, page_cover(wanted, block), 0, 0, true};
        extent.left = {wanted.end(), extent.left.size - size};
        if (extent.left.empty()) queue_.pop_front();
        order_.push_back(index);
        submit(index);
        any = true;
    }
    if (any) ::io_uring_submit(&ring_);
}

void DirectRing::submit(unsigned index) {
    Slot& slot = slots_[index];
    // The queue has an entry a buffer, and a buffer has one read at a time: there is always one left.
    io_uring_sqe* const entry = ::io_uring_get_sqe(&ring_);
    ::io_uring_prep_read(entry, slot.fd, buffer(index) + slot.done,
                         static_cast<unsigned>(slot.aligned.size - slot.done),
                         slot.aligned.offset + slot.done);
    entry->user_data = index;
    slot.in_flight = true;
    ++in_flight_;
}

void DirectRing::reap() {
    // Submitting again is free when nothing waits, and makes up for an earlier submit that was refused.
    const int submitted = ::io_uring_submit_and_wait(&ring_, 1);
    if (submitted < 0 && submitted != -EINTR && submitted != -EAGAIN && submitted != -EBUSY)
        throw io_error({}, "cannot wait for reads", -submitted);
    io_uring_cqe* entry = nullptr;
    if (::io_uring_peek_cqe(&ring_, &entry) != 0) return;
    const auto index = static_cast<unsigned>(entry->user_data);
    const int result = entry->res;
    ::io_uring_cqe_seen(&ring_, entry);
    --in_flight_;
    complete(index, result);
}

void DirectRing::complete(unsigned index, int result) {
    Slot& slot = slots_[index];
    slot.in_flight = false;
    if (result == -EINTR || result == -EAGAIN) {
        submit(index);
        ::io_uring_submit(&ring_);
        return;
    }
    if (result < 0) {
        slot.error = -result;
        return;
    }
    const auto got = static_cast<std::size_t>(result);
    slot.done += got;
    // A read that stops on a block boundary before the end can go on; anything else is the end of the file.
    if (got > 0 && got % block == 0 && slot.done < slot.aligned.size) {
        submit(index);
        ::io_uring_submit(&ring_);
    }
}

std::optional<DirectRing::Piece> DirectRing::next() {
    if (order_.empty()) return std::nullopt;
    const unsigned index = order_.front();
    while (slots_[index].in_flight) reap();
    order_.pop_front();
    const Slot& slot = slots_[index];
    const std::uint64_t skip = slot.wanted.offset - slot.aligned.offset;
    const std::uint64_t got =
        slot.done > skip ? std::min<std::uint64_t>(slot.done - skip, slot.wanted.size) : 0;
    return Piece{slot.tag, slot.wanted, Bytes(buffer(index) + skip, got), slot.error, index};
}

void DirectRing::release(const Piece& piece) {
    free_.push_back(piece.buffer);
    fill_free_buffers();
}

}  // namespace ggufmap::detail
