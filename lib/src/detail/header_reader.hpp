// Reads a header field by field from a ByteSource and keeps every byte. Each read names the field it reads,
// so that an error explains itself; each length is compared with what is left before anything is allocated
// for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "detail/page_buffer.hpp"
#include "ggufmap/bytes.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/gguf.hpp"
#include "ggufmap/source.hpp"

namespace ggufmap::detail {

class HeaderReader {
public:
    HeaderReader(ByteSource& source, const Limits& limits);

    std::uint64_t position() const { return position_; }
    /// What is being read, for messages: "key 3 of 20", and "key 'x'" once set_name() has been called. Put
    /// into words only when something fails: 100,000 formatted names would cost more than parsing them.
    void set_place(const char* kind, std::uint64_t number, std::uint64_t count) {
        place_ = {kind, number, count, {}};
    }
    void set_name(std::string_view name);

    std::uint32_t u32(const char* field) { return load_le<std::uint32_t>(take(4, field)); }
    std::uint64_t u64(const char* field) { return load_le<std::uint64_t>(take(8, field)); }
    /// The view is good until the next read.
    std::string_view string(const char* field, std::uint64_t limit);
    void skip(std::uint64_t size, const char* field) { take(size, field); }
    /// Throws unless `count` things of at least `least_bytes` each can follow.
    void expect(std::uint64_t count, std::uint64_t least_bytes, const char* field) const;
    /// Up to `size` bytes from the start, whatever the position; fewer where the source is shorter.
    Bytes peek_start(std::size_t size);

    /// `code` as in Error::coded(); empty for the kind's own.
    [[noreturn]] void fail(ErrorKind kind, std::uint64_t offset, const std::string& reason,
                           std::string_view code = {}) const;

    /// Gives the bytes read so far away, without what was read ahead.
    std::shared_ptr<const std::byte> release();

private:
    const std::byte* take(std::uint64_t size, const char* field);
    bool fill(std::uint64_t wanted_end);
    void grow(std::uint64_t capacity);
    [[noreturn]] void fail_truncated(std::uint64_t need, const char* field) const;

    ByteSource& source_;
    const Limits& limits_;
    PageBuffer buffer_;
    std::uint64_t filled_ = 0;
    std::uint64_t position_ = 0;
    std::uint64_t read_size_;
    struct Place {
        const char* kind;
        std::uint64_t number;
        std::uint64_t count;
        Range name;
    };
    std::string place_in_words() const;
    Place place_{"header", 0, 0, {}};
};

}  // namespace ggufmap::detail
