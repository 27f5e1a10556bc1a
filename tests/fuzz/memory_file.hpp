// The fuzzer's bytes as a file.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "ggufmap/file.hpp"

/// What must hold, whatever the input.
inline void demand(bool truth) {
    if (!truth) std::abort();
}

inline ggufmap::Fd memory_file(const std::uint8_t* data, std::size_t size) {
    ggufmap::Fd fd(::memfd_create("fuzz", MFD_CLOEXEC));
    demand(::pwrite(fd.get(), data, size, 0) == static_cast<ssize_t>(size));
    return fd;
}
