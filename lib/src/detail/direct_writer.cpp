#include "detail/direct_writer.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "detail/ring_end.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap::detail {

DirectWriter::DirectWriter(OutputFile& file) : file_(file), memory_(buffer_count * buffer_bytes) {
    if (memory_.data() == nullptr) return;
    direct_ = Fd(::open(fmt::format("/proc/self/fd/{}", file.fd()).c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC));
    if (!direct_ || ::io_uring_queue_init(buffer_count + loans, &ring_, 0) != 0) return;
    usable_ = true;
    slots_.resize(buffer_count + loans);
}

DirectWriter::~DirectWriter() {
    if (!usable_) return;
    end_ring(ring_, in_flight_);
}

void DirectWriter::submit(unsigned index) {
    Slot& slot = slots_[index];
    // As many entries as slots, and a slot has one write at a time: there is always one left.
    io_uring_sqe* const entry = ::io_uring_get_sqe(&ring_);
    ::io_uring_prep_write(entry, direct_.get(), slot.data + slot.done,
                          static_cast<unsigned>(slot.size - slot.done), slot.offset + slot.done);
    entry->user_data = index;
    slot.in_flight = true;
    ++in_flight_;
    ::io_uring_submit(&ring_);
}

void DirectWriter::reap() {
    const int submitted = ::io_uring_submit_and_wait(&ring_, 1);
    if (submitted < 0 && submitted != -EINTR && submitted != -EAGAIN && submitted != -EBUSY)
        throw io_error({file_.name()}, "cannot wait for writes", -submitted);
    io_uring_cqe* entry = nullptr;
    if (::io_uring_peek_cqe(&ring_, &entry) != 0) return;
    Slot& slot = slots_[entry->user_data];
    const auto index = static_cast<unsigned>(entry->user_data);
    const int result = entry->res;
    ::io_uring_cqe_seen(&ring_, entry);
    --in_flight_;
    slot.in_flight = false;
    if (result == -EINTR || result == -EAGAIN) return submit(index);
    if (result < 0) throw io_error({file_.name(), {}, slot.offset + slot.done}, "cannot write", -result);
    slot.done += static_cast<std::size_t>(result);
    if (slot.done == slot.size) return slot.owner.reset();
    if (result == 0 || slot.done % DirectRing::block != 0)
        throw io_error({file_.name(), {}, slot.offset + slot.done}, "cannot write", ENOSPC);
    submit(index);
}

std::span<std::byte> DirectWriter::room() {
    wait_for(current_);
    return {buffer(current_) + filled_, buffer_bytes - filled_};
}

void DirectWriter::append(Bytes bytes) {
    while (!bytes.empty()) {
        const auto here = room();
        const std::size_t count = std::min(bytes.size(), here.size());
        if (bytes.data() != here.data()) std::memcpy(here.data(), bytes.data(), count);
        filled_ += count;
        bytes = bytes.subspan(count);
        if (filled_ == buffer_bytes) flush();
    }
}

void DirectWriter::flush() {
    slots_[current_] = {buffer(current_), offset_, filled_, 0, false};
    submit(current_);
    offset_ += filled_;
    filled_ = 0;
    current_ = (current_ + 1) % buffer_count;
}

void DirectWriter::lend(Bytes bytes, const std::shared_ptr<const void>& owner) {
    const std::size_t before = (DirectRing::block - filled_ % DirectRing::block) % DirectRing::block;
    const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
    if (bytes.size() < before + DirectRing::block || (address + before) % DirectRing::block != 0) {
        append(bytes);
        return settle();
    }
    append(bytes.first(before));
    if (filled_ > 0) flush();
    bytes = bytes.subspan(before);
    const std::size_t whole = bytes.size() / DirectRing::block * DirectRing::block;
    lent_ ^= 1U;
    slots_[buffer_count + lent_] = {bytes.data(), offset_, whole, 0, false, owner};
    submit(buffer_count + lent_);
    offset_ += whole;
    append(bytes.subspan(whole));
    wait_for(buffer_count + (lent_ ^ 1U));
}

void DirectWriter::settle() {
    for (unsigned i = 0; i < loans; ++i) wait_for(buffer_count + i);
}

void DirectWriter::wait_for(unsigned index) {
    while (slots_[index].in_flight) reap();
}

void DirectWriter::finish() {
    const std::size_t whole = filled_ / DirectRing::block * DirectRing::block;
    if (whole > 0) {
        slots_[current_] = {buffer(current_), offset_, whole, 0, false};
        submit(current_);
    }
    while (in_flight_ > 0) reap();
    file_.write(offset_ + whole, Bytes(buffer(current_) + whole, filled_ - whole));
    filled_ = 0;
}

}  // namespace ggufmap::detail
