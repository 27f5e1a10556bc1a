// Real models that lie beside a checkout on some machines: tests use them where they are and say "skipped"
// where not.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace ggufmap::test {

/// $GGUFMAP_SHARED, else ../shared beside the source tree.
std::filesystem::path shared_folder();

/// Every .gguf below the folder, sorted; empty, with a message of the running test, where there is none.
std::vector<std::string> shared_models();

}  // namespace ggufmap::test
