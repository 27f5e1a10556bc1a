#include "common/files.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>

#include "ggufmap/error.hpp"
#include "ggufmap/file.hpp"

namespace ggufmap::cli {

std::string read_text(int fd, const std::string& name) {
    std::string text;
    std::array<char, 65536> buffer{};
    for (;;) {
        const ssize_t got = ::read(fd, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw io_error({name}, "cannot read", errno);
        if (got == 0) return text;
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
}

std::string read_text_file(const std::string& path) {
    const File file = File::open(path);
    return read_text(file.fd(), path);
}

}  // namespace ggufmap::cli
