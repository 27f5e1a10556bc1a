#include "detail/absolute_path.hpp"

#include <filesystem>
#include <system_error>

#include "ggufmap/error.hpp"
#include "ggufmap/output.hpp"

namespace ggufmap::detail {

std::string absolute_path(const std::string& path) {
    const SplitPath parts = split_path(path);
    std::error_code failed;
    const auto directory =
        std::filesystem::canonical(parts.directory.empty() ? "." : parts.directory, failed);
    if (failed) throw io_error({path}, "cannot tell the absolute path", failed.value());
    return directory / parts.name;
}

}  // namespace ggufmap::detail
