// The one exception type. Absent is std::optional, suspicious is a Finding, wrong is an Error.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "ggufmap/export.hpp"

namespace ggufmap {

enum class ErrorKind {
    usage,        ///< the caller asked for something that makes no sense
    malformed,    ///< the bytes break the format, or end too early
    unsupported,  ///< well-formed, but not something this library reads (version 1, big-endian, LFS pointer
                  ///< ...)
    limit,        ///< over one of our own limits
    mismatch,     ///< two things that must agree do not (digest, shard set, file changed while read)
    io,           ///< the operating system said no
};

/// What went wrong, where, and why. what() is "FILE: PLACE: offset 0xN: REASON", absent parts left out.
/// It holds names as they stand in files: pass it through printable() before it meets a terminal.
class GGUFMAP_API Error : public std::runtime_error {
public:
    struct Where {
        std::string file;                          ///< path or model name; empty when not about a file
        std::string place = {};                    ///< e.g. "tensor 'x'", "key 'y'", "header"
        std::optional<std::uint64_t> offset = {};  ///< bytes from the start of the file
    };

    Error(ErrorKind kind, Where where, const std::string& reason, int error_number = 0);

    /// The same error under a code of its own instead of its kind's; `code` is a string literal.
    Error coded(std::string_view code) &&;

    ErrorKind kind() const { return kind_; }
    /// A stable word for programs: "duplicate-key", "shard-missing" ...; "malformed", "limit" and so on where
    /// nothing more precise is known. gguf-inspect(1) lists them.
    std::string_view code() const { return code_; }
    const Where& where() const { return where_; }
    /// The reason alone, without file and place.
    const std::string& reason() const { return reason_; }
    /// errno of the failed call, 0 where there was none.
    int error_number() const { return error_number_; }
    /// True when the model is at fault (exit status 1), false when command or machine are (exit status 2).
    bool blames_model() const { return kind_ != ErrorKind::usage && kind_ != ErrorKind::io; }

private:
    ErrorKind kind_;
    std::string_view code_;
    Where where_;
    std::string reason_;
    int error_number_;
};

/// "FILE: PLACE: offset 0xN: REASON", absent parts left out: the one form of every message.
GGUFMAP_API std::string in_words(const Error::Where& where, std::string_view reason);

/// An ErrorKind::io error whose reason is "ACTION: strerror(error_number)".
GGUFMAP_API Error io_error(Error::Where where, const std::string& action, int error_number);

}  // namespace ggufmap
