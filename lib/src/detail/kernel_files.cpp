#include "detail/kernel_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "ggufmap/file.hpp"

namespace ggufmap::detail {
namespace {

std::optional<std::uint64_t> number(std::string_view digits, int base) {
    std::uint64_t value = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value, base);
    if (error != std::errc() || stop != end) return std::nullopt;
    return value;
}

}  // namespace

std::optional<std::string> read_kernel_file(const std::string& path) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return std::nullopt;
    std::string content;
    std::size_t size = 0;
    for (;;) {
        // Most of these files are smaller than a page; smaps of a large process has a megabyte.
        content.resize(std::max<std::size_t>(4096, size * 2));
        const ssize_t got = ::read(fd.get(), content.data() + size, content.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return std::nullopt;
        size += static_cast<std::size_t>(got);
        if (got == 0) break;
    }
    content.resize(size);
    return content;
}

std::optional<std::uint64_t> read_kernel_number(const std::string& path) {
    const auto content = read_kernel_file(path);
    if (!content) return std::nullopt;
    std::string_view rest = *content;
    return decimal(next_line(rest));
}

std::string_view next_line(std::string_view& text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

std::string_view next_word(std::string_view& line) {
    constexpr std::string_view blanks = " \t";
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    const std::string_view word = line.substr(0, line.find_first_of(blanks));
    line.remove_prefix(word.size());
    return word;
}

std::optional<std::uint64_t> decimal(std::string_view digits) { return number(digits, 10); }
std::optional<std::uint64_t> hexadecimal(std::string_view digits) { return number(digits, 16); }

std::uint64_t number_after(std::string_view text, std::string_view key) {
    while (!text.empty()) {
        std::string_view line = next_line(text);
        if (next_word(line) == key) return decimal(next_word(line)).value_or(0);
    }
    return 0;
}

}  // namespace ggufmap::detail
