// Runs of characters that stand for themselves, which is what names and keys are made of almost always.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace ggufmap::detail {

/// How many bytes at the front are ' ' to '~' and none of `Odd`. Eight at a time: 100,000 tensors are 20 MB
/// of JSON.
template <char... Odd>
std::size_t plain_prefix(std::string_view bytes) {
    constexpr std::uint64_t ones = 0x0101010101010101;
    constexpr std::uint64_t high = 0x80 * ones;
    const auto below = [](std::uint64_t eight, std::uint64_t least) { return eight - least * ones; };
    std::size_t plain = 0;
    for (std::uint64_t eight = 0; plain + sizeof eight <= bytes.size(); plain += sizeof eight) {
        std::memcpy(&eight, bytes.data() + plain, sizeof eight);
        // The upper bit of each byte that is below ' ', above '~', one of `Odd`, or behind one of those.
        const std::uint64_t odd =
            ((below(eight, 0x20) | (eight + ones) | eight) | ... | below(eight ^ Odd * ones, 1));
        if ((odd & high) != 0) break;
    }
    const auto end = std::find_if(bytes.begin() + static_cast<std::ptrdiff_t>(plain), bytes.end(),
                                  [](char c) { return c < ' ' || c > '~' || ((c == Odd) || ...); });
    return static_cast<std::size_t>(end - bytes.begin());
}

}  // namespace ggufmap::detail
