#include "ggufmap/shared_memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

#include "ggufmap/error.hpp"
#include "ggufmap/memory.hpp"

namespace ggufmap {
namespace {

namespace fs = std::filesystem;

/// A file that vanishes meanwhile or may not be read is none.
bool is_listed(const std::string& path) try {
    return is_shared_model(File::open(path));
} catch (const Error&) {
    return false;
}

}  // namespace

bool is_shared_model(const File& file) {
    std::array<std::byte, 4> magic{};
    return file.read_some(0, magic) == magic.size() && as_text(magic) == "GGUF";
}

std::vector<SharedModel> shared_models(const Places& places) {
    std::vector<SharedModel> models;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(places.shared_memory, error)) {
        if (!entry.is_regular_file(error) || !is_listed(entry.path())) continue;
        models.push_back({entry.path().filename().string(), entry.file_size(error)});
    }
    if (error) throw io_error({places.shared_memory}, "cannot list", error.value());
    std::sort(models.begin(), models.end(),
              [](const SharedModel& a, const SharedModel& b) { return a.name < b.name; });
    return models;
}

void require_memory(std::uint64_t bytes, const std::string& name) {
    const AvailableMemory available = available_memory();
    if (bytes > available.bytes)
        throw Error(
            ErrorKind::io, {name},
            fmt::format("not enough memory: {} bytes are needed, {} are available", bytes, available.bytes),
            ENOMEM);
}

}  // namespace ggufmap
