// Hexadecimal digits. fmt takes 30 ns for each byte of binary text that is called a string.
#pragma once

#include <string>

namespace ggufmap::detail {

/// The last `digits` digits of `number`, lower case, with leading zeros.
inline void append_hex(std::string& out, unsigned number, unsigned digits) {
    while (digits-- > 0) out += "0123456789abcdef"[(number >> (4 * digits)) & 0xF];
}

}  // namespace ggufmap::detail
