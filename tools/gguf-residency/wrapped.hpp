// Long lines on a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ggufmap::residency {

/// Words of `text` in lines of `width` columns, of which the first has `used` and the others `indent` spaces;
/// 0 does not wrap.
std::string wrapped(std::string_view text, std::size_t width, std::size_t used, std::size_t indent);

}  // namespace ggufmap::residency
