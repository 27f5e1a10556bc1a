#include "common/numbers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "ggufmap/checked.hpp"

namespace ggufmap::cli {
namespace {

constexpr std::string_view size_letters = "KMGTPE";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The digits that `text` begins with.
std::string_view leading_digits(std::string_view text) {
    std::size_t length = 0;
    while (length < text.size() && is_digit(text[length])) ++length;
    return text.substr(0, length);
}

/// "12", "12.5"; no exponent, no sign.
std::optional<double> parse_decimal(std::string_view text) {
    const std::string_view whole = leading_digits(text);
    if (!parse_number(whole)) return std::nullopt;
    std::string_view rest = text.substr(whole.size());
    if (!rest.empty()) {
        if (rest[0] != '.') return std::nullopt;
        rest.remove_prefix(1);
        if (rest.empty() || leading_digits(rest).size() != rest.size()) return std::nullopt;
    }
    double value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

std::optional<std::uint64_t> size_unit(std::string_view suffix) {
    if (suffix.empty()) return 1;
    const char letter = suffix[0] == 'k' ? 'K' : suffix[0];
    const std::size_t power = size_letters.find(letter);
    if (power == std::string_view::npos) return std::nullopt;
    const std::string_view tail = suffix.substr(1);
    std::uint64_t base = 0;
    if (tail.empty() || tail == "iB") base = 1024;
    if (tail == "B") base = 1000;
    if (base == 0) return std::nullopt;
    std::uint64_t unit = base;
    for (std::size_t i = 0; i < power; ++i) unit *= base;
    return unit;
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text) {
    if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
    const std::string_view digits = leading_digits(text);
    const auto number = parse_number(digits);
    const auto unit = size_unit(text.substr(digits.size()));
    if (!number || !unit) return std::nullopt;
    return checked::multiply(*number, *unit);
}

std::optional<double> parse_percent(std::string_view text) {
    if (text.ends_with('%')) text.remove_suffix(1);
    const auto value = parse_decimal(text);
    if (!value || *value > 100) return std::nullopt;
    return value;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
    struct Unit {
        std::string_view suffix;
        double milliseconds;
    };
    static constexpr std::array units{Unit{"ms", 1}, Unit{"s", 1e3}, Unit{"m", 60e3}, Unit{"h", 3600e3}};
    double scale = 1e3;
    for (const Unit& unit : units) {
        if (!text.ends_with(unit.suffix)) continue;
        text.remove_suffix(unit.suffix.size());
        scale = unit.milliseconds;
        break;
    }
    const auto value = parse_decimal(text);
    constexpr double ten_years = 3.2e11;  // milliseconds; far from where the clock arithmetic wraps
    if (!value || *value * scale > ten_years) return std::nullopt;
    return std::chrono::milliseconds(std::llround(*value * scale));
}

std::optional<std::vector<NumberRange>> parse_ranges(std::string_view text) {
    std::vector<NumberRange> ranges;
    for (bool more = true; more;) {
        const std::size_t comma = text.find(',');
        const std::string_view item = text.substr(0, comma);
        more = comma != std::string_view::npos;
        if (more) text.remove_prefix(comma + 1);

        const std::size_t dash = item.find('-');
        const auto first = parse_number(item.substr(0, dash));
        const auto last = dash == std::string_view::npos ? first : parse_number(item.substr(dash + 1));
        if (!first || !last || *last < *first) return std::nullopt;
        ranges.push_back({*first, *last});
    }
    return ranges;
}

std::string human_size(std::uint64_t bytes) {
    if (bytes < 1024) return fmt::format("{} B", bytes);
    double value = static_cast<double>(bytes) / 1024;
    std::size_t power = 0;
    while (value >= 1023.95 && power + 1 < size_letters.size()) {  // 1023.95 would be shown as 1024.0
        value /= 1024;
        ++power;
    }
    return fmt::format("{:.1f} {}iB", value, size_letters[power]);
}

std::string human_count(std::uint64_t count) {
    if (count < 1000) return fmt::format("{}", count);
    constexpr std::string_view letters = "kMBTPE";  // B for billion, as model names have it
    double value = static_cast<double>(count) / 1000;
    std::size_t power = 0;
    while (value >= 999.5 && power + 1 < letters.size()) {
        value /= 1000;
        ++power;
    }
    const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    return fmt::format("{:.{}f} {}", value, decimals, letters[power]);
}

std::string human_percent(double percent) {
    // The tiny push keeps 99.9 (which is 99.89999... in binary) from being shown as 99.8.
    return fmt::format("{:.1f} %", std::floor(percent * 10 + 1e-9) / 10);
}

std::string human_duration(std::chrono::seconds time) {
    const auto seconds = time.count();
    if (seconds < 60) return fmt::format("{} s", seconds);
    if (seconds < 3600) return fmt::format("{} min {:02} s", seconds / 60, seconds % 60);
    return fmt::format("{} h {:02} min", seconds / 3600, seconds / 60 % 60);
}

}  // namespace ggufmap::cli
