// Models in POSIX shared memory: files in a tmpfs (/dev/shm) that any program can open or map.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ggufmap/export.hpp"
#include "ggufmap/model.hpp"

namespace ggufmap {

struct SharedModel {
    std::string name;  ///< as in shm:NAME
    std::uint64_t bytes = 0;
};

/// The GGUF files there, by name; others are left out. Throws Error (io).
GGUFMAP_API std::vector<SharedModel> shared_models(const Places& places = {});

/// Memory that can be had without swapping, in bytes (MemAvailable); nothing where the kernel does not tell.
GGUFMAP_API std::optional<std::uint64_t> available_memory();

/// Throws Error (io, ENOMEM) where `bytes` more in shared memory would take more than is available.
GGUFMAP_API void require_memory(std::uint64_t bytes, const std::string& name);

/// A process that maps a file.
struct MappingProcess {
    std::uint64_t pid = 0;
    std::string command;  ///< as in /proc/PID/comm
};

/// Who maps this file now, as far as this user may see. Throws Error (io) if it cannot be opened.
GGUFMAP_API std::vector<MappingProcess> processes_mapping(const std::string& path);

}  // namespace ggufmap
