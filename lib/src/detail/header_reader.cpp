#include "detail/header_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "ggufmap/checked.hpp"

namespace ggufmap::detail {
namespace {

// Small first, as most headers without a vocabulary fit; the cap bounds what a cold file leaves in the page
// cache.
constexpr std::uint64_t first_read = 64 * 1024;
constexpr std::uint64_t largest_read = 512 * 1024;

}  // namespace

HeaderReader::HeaderReader(ByteSource& source, const Limits& limits)
    : source_(source),
      limits_(limits),
      buffer_(first_read, std::min(source.size().value_or(limits.header_bytes), limits.header_bytes)),
      read_size_(first_read) {}

// Where there was not address space enough for all that may come.
void HeaderReader::grow(std::uint64_t capacity) {
    PageBuffer bigger(capacity, 2 * capacity);
    std::memcpy(bigger.data(), buffer_.data(), filled_);
    buffer_ = std::move(bigger);
}

bool HeaderReader::fill(std::uint64_t wanted_end) {
    while (filled_ < wanted_end) {
        if (wanted_end > buffer_.capacity()) grow(wanted_end);
        const std::uint64_t want = std::max(wanted_end - filled_, read_size_);
        const std::uint64_t step = std::min({want, largest_read, buffer_.capacity() - filled_});
        const std::size_t got = source_.read({buffer_.data() + filled_, step});
        if (got == 0) return false;
        filled_ += got;
        read_size_ = std::min(2 * read_size_, largest_read);
    }
    return true;
}

const std::byte* HeaderReader::take(std::uint64_t size, const char* field) {
    const auto end = checked::add(position_, size);
    if (!end) fail_truncated(size, field);
    if (*end > filled_) {
        if (const auto total = source_.size(); total && *end > *total) fail_truncated(size, field);
        if (*end > limits_.header_bytes)
            fail(ErrorKind::limit, position_,
                 fmt::format("{}: the header is larger than {} bytes, our limit", field,
                             limits_.header_bytes));
        if (!fill(*end)) fail_truncated(size, field);
    }
    const std::byte* at = buffer_.data() + position_;
    position_ = *end;
    return at;
}

std::string_view HeaderReader::string(const char* field, std::uint64_t limit) {
    const std::uint64_t start = position_;
    const std::uint64_t size = u64(field);
    if (size > limit)
        fail(ErrorKind::limit, start,
             fmt::format("{} is {} bytes long, over the limit of {}", field, size, limit));
    return {reinterpret_cast<const char*>(take(size, field)), size};
}

void HeaderReader::expect(std::uint64_t count, std::uint64_t least_bytes, const char* field) const {
    const auto need = checked::multiply(count, least_bytes);
    const auto total = source_.size();
    if (!need || (total && *need > *total - position_))
        fail(ErrorKind::malformed, position_,
             fmt::format("{} claims {}, but only {} bytes are left", field, count,
                         total ? *total - position_ : std::uint64_t{0}),
             "truncated-header");
}

Bytes HeaderReader::peek_start(std::size_t size) {
    fill(size);
    return {buffer_.data(), std::min<std::uint64_t>(size, filled_)};
}

void HeaderReader::set_name(std::string_view name) {
    place_.name = {static_cast<std::uint64_t>(name.data() - reinterpret_cast<const char*>(buffer_.data())),
                   name.size()};
}

std::string HeaderReader::place_in_words() const {
    if (!place_.name.empty())
        return fmt::format("{} '{}'", place_.kind,
                           as_text({buffer_.data() + place_.name.offset, place_.name.size}));
    if (place_.count != 0) return fmt::format("{} {} of {}", place_.kind, place_.number, place_.count);
    return place_.kind;
}

void HeaderReader::fail(ErrorKind kind, std::uint64_t offset, const std::string& reason,
                        std::string_view code) const {
    Error error(kind, {source_.name(), place_in_words(), offset}, reason);
    throw code.empty() ? error : std::move(error).coded(code);
}

void HeaderReader::fail_truncated(std::uint64_t need, const char* field) const {
    const std::uint64_t left = source_.size().value_or(filled_) - position_;
    fail(ErrorKind::malformed, position_,
         fmt::format("truncated in {}: need {} bytes, {} left", field, need, left), "truncated-header");
}

std::shared_ptr<const std::byte> HeaderReader::release() { return buffer_.release(position_); }

}  // namespace ggufmap::detail
