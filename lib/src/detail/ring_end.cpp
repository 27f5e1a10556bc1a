#include "detail/ring_end.hpp"

#include <algorithm>
#include <cerrno>

namespace ggufmap::detail {

void end_ring(io_uring& ring, unsigned in_flight) {
    // What could not be submitted never comes back.
    in_flight -= std::min(in_flight, ::io_uring_sq_ready(&ring));
    while (in_flight > 0) {
        io_uring_cqe* entry = nullptr;
        const int status = ::io_uring_wait_cqe(&ring, &entry);
        if (status == -EINTR) continue;
        if (status != 0) break;
        ::io_uring_cqe_seen(&ring, entry);
        --in_flight;
    }
    ::io_uring_queue_exit(&ring);
}

}  // namespace ggufmap::detail
