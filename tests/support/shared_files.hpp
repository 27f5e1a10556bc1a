// Real models that lie beside a checkout on some machines: tests use them where they are and say "skipped"
// where not.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace ggufmap::test {

/// $GGUFMAP_SHARED, else ../shared beside the source tree.
inline std::filesystem::path shared_folder() {
    if (const char* folder = std::getenv("GGUFMAP_SHARED")) return folder;
    return std::filesystem::path(GGUFMAP_SOURCE_DIR) / ".." / "shared";
}

/// Every .gguf below the folder, sorted; empty, with a message, where there is none.
inline std::vector<std::string> shared_models() {
    std::vector<std::string> models;
    std::error_code none;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(shared_folder(), none))
        if (entry.path().extension() == ".gguf") models.push_back(entry.path().string());
    std::sort(models.begin(), models.end());
    if (models.empty()) MESSAGE("skipped: no real models at ", shared_folder().string());
    return models;
}

}  // namespace ggufmap::test
