// The small text files of /proc and /sys.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ggufmap::detail {

/// The whole file; nothing where it cannot be opened or read. Such files say nothing of their size, so it is
/// read to the end.
std::optional<std::string> read_kernel_file(const std::string& path);

/// The same for a file that holds one number; nothing for anything else ("max").
std::optional<std::uint64_t> read_kernel_number(const std::string& path);

/// Cuts the next line off `text`, without its newline.
std::string_view next_line(std::string_view& text);

/// Cuts the next word off `line`; "" at its end. Words are parted by blanks and tabs.
std::string_view next_word(std::string_view& line);

std::optional<std::uint64_t> decimal(std::string_view digits);
std::optional<std::uint64_t> hexadecimal(std::string_view digits);

/// The number behind `key` ("MemTotal:", "inactive_file") where a line begins with that word; 0 where none
/// does.
std::uint64_t number_after(std::string_view text, std::string_view key);

}  // namespace ggufmap::detail
