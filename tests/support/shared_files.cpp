#include "support/shared_files.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

namespace ggufmap::test {

std::filesystem::path shared_folder() {
    if (const char* folder = std::getenv("GGUFMAP_SHARED")) return folder;
    return std::filesystem::path(GGUFMAP_SOURCE_DIR) / ".." / "shared";
}

std::vector<std::string> shared_models() {
    std::vector<std::string> models;
    std::error_code none;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(shared_folder(), none))
        if (entry.path().extension() == ".gguf") models.push_back(entry.path().string());
    std::sort(models.begin(), models.end());
    if (models.empty()) MESSAGE("skipped: no real models at ", shared_folder().string());
    return models;
}

}  // namespace ggufmap::test
