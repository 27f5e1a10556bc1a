// What lies below a file system.
#pragma once

#include <cstdint>

#include "ggufmap/memory.hpp"

namespace ggufmap::detail {

/// True for a disk with heads to move, where threads in several places cost time. False where that is
/// unknown, and for virtio disks, which say so whatever they are.
bool rotates(std::uint64_t device, const KernelRoots& roots);

/// Puts the calling thread into the idle io class; schedulers that know no classes ignore it.
void use_idle_io();

}  // namespace ggufmap::detail
