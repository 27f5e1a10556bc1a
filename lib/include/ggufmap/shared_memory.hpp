// Models in POSIX shared memory: files in a tmpfs (/dev/shm) that any program can open or map.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ggufmap/export.hpp"
#include "ggufmap/file.hpp"
#include "ggufmap/model.hpp"

namespace ggufmap {

struct SharedModel {
    std::string name;  ///< as in shm:NAME
    std::uint64_t bytes = 0;
};

/// The GGUF files there, by name; others are left out. Throws Error (io).
GGUFMAP_API std::vector<SharedModel> shared_models(const Places& places = {});

/// Whether it begins as a GGUF file: what shared_models() goes by. Throws Error (io).
GGUFMAP_API bool is_shared_model(const File& file);

/// Throws Error (io, ENOMEM) where `bytes` more in shared memory would take more than is available here
/// (MemAvailable and control groups).
GGUFMAP_API void require_memory(std::uint64_t bytes, const std::string& name);

}  // namespace ggufmap
