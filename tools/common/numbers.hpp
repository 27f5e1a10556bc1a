// Numbers as people type them, and numbers as people read them. Stricter than strtoull and CLI11: decimal
// digits only, no sign, no blank, no leading zero ("010" is 8 to one reader and 10 to another), never a
// wrapped value.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ggufmap::cli {

/// "0", "42"; up to 2^64-1.
std::optional<std::uint64_t> parse_number(std::string_view text);

/// A byte count by the rules of coreutils: "512", "512M" = "512MiB" = 512 x 2^20, "512MB" = 512 x 10^6; K to
/// E.
std::optional<std::uint64_t> parse_size(std::string_view text);

/// "95", "95%", "99.5%": 0 to 100.
std::optional<double> parse_percent(std::string_view text);

/// "5", "1.5", "2s", "500ms", "10m", "1h"; seconds where no unit is given.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// Both ends belong to it.
struct NumberRange {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    bool operator==(const NumberRange&) const = default;
};

/// "0-7,31": numbers and ascending ranges in any order.
std::optional<std::vector<NumberRange>> parse_ranges(std::string_view text);

/// "512 B", "1.2 GiB": binary units, one decimal.
std::string human_size(std::uint64_t bytes);

/// "999", "7.62 B": decimal units, three digits; for parameters and other counts.
std::string human_count(std::uint64_t count);

/// "99.9 %": cut, not rounded, so that "100.0 %" means all.
std::string human_percent(double percent);

/// "42 s", "3 min 05 s", "2 h 10 min".
std::string human_duration(std::chrono::seconds time);

}  // namespace ggufmap::cli
