// models.toml: any text is a configuration, or is refused as the user's fault.
#include <string_view>

#include "gguf-prefault/config.hpp"
#include "ggufmap/error.hpp"
#include "memory_file.hpp"

using namespace ggufmap;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) try {
    const auto config = prefault_tool::parse_config({reinterpret_cast<const char*>(data), size}, "fuzz.toml");
    for (const auto& model : config.models) demand(!model.name.empty() && !model.path.empty());
    return 0;
} catch (const Error& error) {
    demand(error.kind() == ErrorKind::usage);
    return 0;
}
