// Base64 with padding (RFC 4648, section 4), for the one binary blob in a tokenizer.json.
#pragma once

#include <algorithm>
#include <string>

#include "ggufmap/bytes.hpp"

namespace ggufmap::hf {

inline std::string base64(Bytes bytes) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const std::size_t here = std::min<std::size_t>(3, bytes.size() - at);
        std::uint32_t group = 0;
        for (std::size_t i = 0; i < 3; ++i)
            group = group << 8 | (i < here ? std::to_integer<std::uint32_t>(bytes[at + i]) : 0);
        for (std::size_t i = 0; i < 4; ++i) out += i <= here ? digits[group >> (18 - 6 * i) & 63] : '=';
    }
    return out;
}

}  // namespace ggufmap::hf
