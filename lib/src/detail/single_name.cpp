#include "detail/single_name.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "ggufmap/error.hpp"

namespace ggufmap::detail {

void require_single_name(const File& file, std::string_view consequence) {
    namespace fs = std::filesystem;
    std::error_code error;
    if (fs::is_symlink(file.name(), error))
        throw Error(ErrorKind::usage, {file.name()},
                    fmt::format("is a symlink: --consume wants the file itself, {}",
                                fs::canonical(file.name(), error).string()));
    struct stat status {};
    if (::fstat(file.fd(), &status) != 0) throw io_error({file.name()}, "cannot stat", errno);
    if (status.st_nlink > 1)
        throw Error(ErrorKind::usage, {file.name()},
                    fmt::format("has {} names: --consume would {}", status.st_nlink, consequence));
}

}  // namespace ggufmap::detail
