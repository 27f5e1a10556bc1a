// How every io_uring of ours ends.
#pragma once

#include <liburing.h>

namespace ggufmap::detail {

/// Waits until the kernel has let go of all buffers that are in flight, submitted or not, whatever became of
/// them, and closes the ring.
void end_ring(io_uring& ring, unsigned in_flight);

}  // namespace ggufmap::detail
