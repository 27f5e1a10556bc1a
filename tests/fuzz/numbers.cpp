// The number parsers: what they accept is digits and units; a size or number survives being written and read
// again.
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/numbers.hpp"

using namespace ggufmap::cli;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto number = parse_number(text); number && std::to_string(*number) != text) std::abort();
    if (const auto bytes = parse_size(text); bytes && parse_size(std::to_string(*bytes)) != bytes)
        std::abort();
    if (const auto percent = parse_percent(text); percent && !(*percent >= 0 && *percent <= 100))
        std::abort();
    if (const auto time = parse_duration(text); time && time->count() < 0) std::abort();
    if (const auto ranges = parse_ranges(text)) {
        for (const NumberRange range : *ranges) {
            if (range.first > range.last) std::abort();
        }
    }
    return 0;
}
