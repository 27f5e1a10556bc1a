#include "ggufmap/error.hpp"

#include <fmt/format.h>

#include <cstring>
#include <utility>

namespace ggufmap {
namespace {

std::string compose(const Error::Where& where, const std::string& reason) {
    std::string text;
    if (!where.file.empty()) text += where.file + ": ";
    if (!where.place.empty()) text += where.place + ": ";
    if (where.offset) text += fmt::format("offset {:#x}: ", *where.offset);
    return text + reason;
}

}  // namespace

Error::Error(ErrorKind kind, Where where, const std::string& reason, int error_number)
    : std::runtime_error(compose(where, reason)),
      kind_(kind),
      where_(std::move(where)),
      reason_(reason),
      error_number_(error_number) {}

Error io_error(Error::Where where, const std::string& action, int error_number) {
    return Error(ErrorKind::io, std::move(where), action + ": " + std::strerror(error_number), error_number);
}

}  // namespace ggufmap
