// Writing images: in memory, or to a file with holes.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "support/make_gguf.hpp"

namespace ggufmap::test {
namespace {

[[noreturn]] void failed(const std::string& path) {
    throw std::system_error(errno, std::generic_category(), path);
}

void write_all(int fd, std::string_view bytes, const std::string& path) {
    while (!bytes.empty()) {
        const ssize_t written = write(fd, bytes.data(), bytes.size());
        if (written < 0) failed(path);
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

}  // namespace

std::uint64_t GgufImage::size() const {
    std::uint64_t total = 0;
    for (const Part& part : parts) total += part.bytes.size() + part.zeros;
    return total;
}

void GgufImage::append(std::string_view bytes) {
    if (bytes.empty()) return;
    if (parts.empty() || parts.back().zeros > 0) parts.emplace_back();
    parts.back().bytes += bytes;
}

void GgufImage::append_zeros(std::uint64_t count) {
    if (parts.empty()) parts.emplace_back();
    parts.back().zeros += count;
}

void GgufImage::keep_first(std::uint64_t size) {
    for (Part& part : parts) {
        part.bytes.resize(std::min<std::uint64_t>(part.bytes.size(), size));
        size -= part.bytes.size();
        part.zeros = std::min(part.zeros, size);
        size -= part.zeros;
    }
}

std::string make_gguf(std::string_view description) {
    std::string bytes;
    for (const GgufImage::Part& part : make_gguf_image(description).parts) {
        bytes += part.bytes;
        bytes.append(part.zeros, '\0');
    }
    return bytes;
}

void write_image(const GgufImage& image, const std::string& path) {
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) failed(path);
    const bool seekable = lseek(fd, 0, SEEK_CUR) >= 0;
    for (const GgufImage::Part& part : image.parts) {
        write_all(fd, part.bytes, path);
        if (seekable) {
            if (lseek(fd, static_cast<off_t>(part.zeros), SEEK_CUR) < 0) failed(path);
        } else {
            write_all(fd, std::string(part.zeros, '\0'), path);
        }
    }
    // A hole at the end is no part of the file until this.
    if (seekable && ftruncate(fd, lseek(fd, 0, SEEK_CUR)) != 0) failed(path);
    if (close(fd) != 0) failed(path);
}

}  // namespace ggufmap::test
