// Bytes of unknown origin on their way to people and to JSON.
#pragma once

#include <string>
#include <string_view>

#include "ggufmap/export.hpp"

namespace ggufmap {

/// True for well-formed UTF-8 (no surrogates, no overlong forms, up to U+10FFFF); NUL counts as a character.
GGUFMAP_API bool valid_utf8(std::string_view bytes);

/// `bytes` with U+FFFD in place of each byte that is not part of well-formed UTF-8.
GGUFMAP_API std::string as_utf8(std::string_view bytes);

/// `bytes` as they may meet a terminal: UTF-8 stays; C0, DEL, C1, line and paragraph separators and
/// bidirectional controls become \n, \t, \xNN or \uNNNN; so do bytes that are not UTF-8 (\xNN).
GGUFMAP_API std::string printable(std::string_view bytes);
/// The same behind what `out` holds: 100,000 rows need no string of their own for each of their cells.
GGUFMAP_API void append_printable(std::string& out, std::string_view bytes);

}  // namespace ggufmap
