#include "ggufmap/source.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "ggufmap/error.hpp"

namespace ggufmap {

FileSource::FileSource(const File& file) : file_(file) {
    ::posix_fadvise(file.fd(), 0, 0, POSIX_FADV_RANDOM);  // advice: a refusal changes nothing but speed
}

FileSource::~FileSource() { ::posix_fadvise(file_.fd(), 0, 0, POSIX_FADV_NORMAL); }

std::size_t FileSource::read(std::span<std::byte> out) {
    const std::size_t got = file_.read_some(position_, out);
    position_ += got;
    return got;
}

MemorySource::MemorySource(Bytes bytes, std::string name, std::size_t chunk)
    : bytes_(bytes), name_(std::move(name)), chunk_(chunk) {}

std::size_t MemorySource::read(std::span<std::byte> out) {
    std::size_t count = std::min(out.size(), bytes_.size() - position_);
    if (chunk_ != 0) count = std::min(count, chunk_);
    if (count != 0) std::memcpy(out.data(), bytes_.data() + position_, count);
    position_ += count;
    return count;
}

PipeSource::PipeSource(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}

std::size_t PipeSource::read(std::span<std::byte> out) {
    for (;;) {
        const ssize_t got = ::read(fd_, out.data(), out.size());
        if (got >= 0) return static_cast<std::size_t>(got);
        if (errno != EINTR) throw io_error({name_}, "cannot read", errno);
    }
}

}  // namespace ggufmap
