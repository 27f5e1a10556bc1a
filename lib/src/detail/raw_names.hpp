// How raw pieces of a file are named, and in which order they belong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ggufmap::detail {

/// True for PREFIX-00001-of-00005.part and PREFIX.part1of2.
bool is_numbered_piece(const std::string& path);

/// The number in such a name, from 1; nothing in others.
std::optional<std::uint32_t> piece_number(const std::string& path);

/// PREFIX of those; other names as they are.
std::string raw_prefix(const std::string& path);

/// All pieces of the set that `path` belongs to, in order. Throws Error: mismatch where one is missing; usage
/// where the name is of no known kind.
std::vector<std::string> find_raw_pieces(const std::string& path);

/// The order of pieces that were all given. Throws Error: mismatch where one is missing, twice there or of
/// another set; usage where a name is of no known kind.
std::vector<std::string> order_raw_pieces(const std::vector<std::string>& paths);

}  // namespace ggufmap::detail
