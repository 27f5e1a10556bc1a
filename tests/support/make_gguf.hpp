// GGUF files from readable text, well-formed or wrong in a chosen place. It shares no code with the parser
// and the writer of the library, so that it can witness against them.
//
// One statement a line; `#` begins a comment; words are cut at blanks, "quoted words" know \n \t \\ \" \0
// \xNN.
//
//   magic WORD                  first bytes; default GGUF
//   version N                   default 3
//   tensors N | kvs N           counts to claim instead of the true ones
//   alignment N                 what data and offsets are aligned to; default 32 (writes no key)
//   kv KEY TYPE VALUE...        TYPE: u8 i8 u16 i16 u32 i32 f32 bool str u64 i64 f64
//   kv KEY array TYPE VALUE...  TYPE may be `array` again: then each VALUE is [ TYPE VALUE... ]
//   tensor NAME TYPE DIM...     TYPE: F32, Q4_K, ... or a number; no DIM: zero dimensions. DIMs fastest first
//   hex XX...                   raw bytes at this place: between the key-values or the tensor infos
//   padding BYTE                what fills gaps; default 0
//   data pattern|zero|none      tensor bytes: derived from name and position (default), a hole, or left out
//   tail hex XX... | tail zero N    bytes after the last tensor
//   cut N | cut -N              keep the first N bytes, or drop the last N
//
// A kv or tensor line may end in claims, which replace what would be true:
//   kv:     @keylen=N @type=N @len=N (string length or array count) @elem=N (array element type)
//   tensor: @namelen=N @dims=N (dimension count) @type=N @offset=N @bytes=N (bytes stored, not claimed)
// Sizes N accept a trailing K, M, G (powers of 1024). "repeat N LINE" writes LINE N times, with %d counted
// from 0.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace ggufmap::test {

/// A mistake in the description itself.
struct DescriptionError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A file, written by parts so that a big hole costs nothing.
struct GgufImage {
    struct Part {
        std::string bytes;
        std::uint64_t zeros = 0;  ///< after the bytes
    };
    std::vector<Part> parts;

    std::uint64_t size() const;
    void append(std::string_view bytes);
    void append_zeros(std::uint64_t count);
    void keep_first(std::uint64_t size);
};

GgufImage make_gguf_image(std::string_view description);

/// The whole file in memory: for unit tests.
std::string make_gguf(std::string_view description);

/// Writes the image; holes stay holes. Throws std::system_error.
void write_image(const GgufImage& image, const std::string& path);

struct TensorShape {
    std::uint32_t type = 0;
    std::uint64_t block_elements = 1;
    std::uint64_t block_bytes = 1;
};

/// By name ("Q4_K") or number; types without a known size count as one byte an element.
TensorShape tensor_type(const std::string& name);

}  // namespace ggufmap::test
