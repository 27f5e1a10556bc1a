// Things of a model in words, the same in every view.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ggufmap/gguf.hpp"
#include "ggufmap/json.hpp"

namespace ggufmap::inspect {

/// "Q4_K"; "unknown(999)" for an id that nobody has defined.
std::string type_name(std::uint32_t tensor_type);

/// general.file_type as llama-quantize spells it: "Q4_K_M"; nothing for a number it does not know.
std::string_view file_type_name(std::uint64_t file_type);

/// A value as it is: text unquoted and unescaped, numbers in the shortest form that reads back the same,
/// arrays as JSON, with "..." behind the first `most` elements of each. Goes to `sink` in pieces of about
/// 64 KiB, which end between characters: a value may be as long as the header.
void write_bare_text(const Value& value, std::uint64_t most, const JsonWriter::Sink& sink);

/// The same cut behind about `most_bytes`, between characters; true where something was cut off. Looks at no
/// more of the value than that takes.
bool append_bare_text(std::string& out, const Value& value, std::uint64_t most, std::size_t most_bytes);

/// Writes the value as JSON; text that is not UTF-8 as {"hex":"..."}; of arrays the first `most` elements.
void write_value(JsonWriter& json, const Value& value, std::uint64_t most = UINT64_MAX);

}  // namespace ggufmap::inspect
