#include "ggufmap/error.hpp"

#include <fmt/format.h>

#include <cstring>
#include <utility>

namespace ggufmap {
namespace {

std::string_view code_of(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::usage:
            return "usage";
        case ErrorKind::malformed:
            return "malformed";
        case ErrorKind::unsupported:
            return "unsupported";
        case ErrorKind::limit:
            return "limit";
        case ErrorKind::mismatch:
            return "mismatch";
        case ErrorKind::io:
            break;
    }
    return "io";
}

}  // namespace

Error::Error(ErrorKind kind, Where where, const std::string& reason, int error_number)
    : std::runtime_error(in_words(where, reason)),
      kind_(kind),
      code_(code_of(kind)),
      where_(std::move(where)),
      reason_(reason),
      error_number_(error_number) {}

Error Error::coded(std::string_view code) && {
    code_ = code;
    return std::move(*this);
}

std::string in_words(const Error::Where& where, std::string_view reason) {
    std::string text;
    if (!where.file.empty()) text += where.file + ": ";
    if (!where.place.empty()) text += where.place + ": ";
    if (where.offset) text += fmt::format("offset {:#x}: ", *where.offset);
    return text.append(reason);
}

Error io_error(Error::Where where, const std::string& action, int error_number) {
    return Error(ErrorKind::io, std::move(where), action + ": " + std::strerror(error_number), error_number);
}

}  // namespace ggufmap
