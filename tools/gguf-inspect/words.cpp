#include "gguf-inspect/words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ggufmap/types.hpp"

namespace ggufmap::inspect {
namespace {

struct FileType {
    std::uint64_t id;
    std::string_view name;
};

// llama.h, enum llama_ftype (August 2026). Gaps are types that were removed.
constexpr std::array file_types = {
    FileType{0, "F32"},      FileType{1, "F16"},     FileType{2, "Q4_0"},    FileType{3, "Q4_1"},
    FileType{7, "Q8_0"},     FileType{8, "Q5_0"},    FileType{9, "Q5_1"},    FileType{10, "Q2_K"},
    FileType{11, "Q3_K_S"},  FileType{12, "Q3_K_M"}, FileType{13, "Q3_K_L"}, FileType{14, "Q4_K_S"},
    FileType{15, "Q4_K_M"},  FileType{16, "Q5_K_S"}, FileType{17, "Q5_K_M"}, FileType{18, "Q6_K"},
    FileType{19, "IQ2_XXS"}, FileType{20, "IQ2_XS"}, FileType{21, "Q2_K_S"}, FileType{22, "IQ3_XS"},
    FileType{23, "IQ3_XXS"}, FileType{24, "IQ1_S"},  FileType{25, "IQ4_NL"}, FileType{26, "IQ3_S"},
    FileType{27, "IQ3_M"},   FileType{28, "IQ2_S"},  FileType{29, "IQ2_M"},  FileType{30, "IQ4_XS"},
    FileType{31, "IQ1_M"},   FileType{32, "BF16"},   FileType{36, "TQ1_0"},  FileType{37, "TQ2_0"},
    FileType{38, "MXFP4"},   FileType{39, "NVFP4"},  FileType{40, "Q1_0"},
};
constexpr std::uint64_t guessed = 1024;  // a flag: the converter was not told

// "NaN" and the infinities are strings in JSON only.
template <typename T>
std::string shortest(T number) {
    std::string text;
    append_json_number(text, number);
    if (text.starts_with('"')) text = text.substr(1, text.size() - 2);
    return text;
}

constexpr std::size_t piece_bytes = 64 * 1024;

// The most bytes up to `most` that do not cut a character; bytes that make none may be cut anywhere.
std::size_t whole_characters(std::string_view text, std::size_t most) {
    if (text.size() <= most) return text.size();
    for (std::size_t end = most; end > 0 && end + 4 > most; --end)
        if ((static_cast<unsigned char>(text[end]) & 0xC0) != 0x80) return end;
    return most;
}

void write_text(std::string_view text, const JsonWriter::Sink& sink) {
    while (!text.empty()) {
        const std::size_t size = whole_characters(text, piece_bytes);
        sink(text.substr(0, size));
        text.remove_prefix(size);
    }
}

std::string number_text(const Value& value) {
    if (const auto truth = value.as_bool()) return *truth ? "true" : "false";
    if (value.type() == ValueType::float32) return shortest(load_le<float>(value.bytes().data()));
    if (value.type() == ValueType::float64) return shortest(load_le<double>(value.bytes().data()));
    if (const auto number = value.as_signed()) return std::to_string(*number);
    return std::to_string(value.as_unsigned().value_or(0));
}

void write_elements(JsonWriter& json, const ArrayView& array, std::uint64_t most) {
    json.begin_array(JsonWriter::Layout::inline_);
    std::uint64_t left = most;
    for (const Value element : array) {
        if (left-- == 0) break;
        write_value(json, element, most);
    }
    json.end_array();
}

void write_array_text(const ArrayView& array, std::uint64_t most, const JsonWriter::Sink& sink) {
    std::string held;  // the last piece ends with the bracket that "..." stands before
    JsonWriter json([&](std::string_view piece) {
        sink(held);
        held = piece;
    });
    write_elements(json, array, most);
    json.finish();
    held.pop_back();  // the newline that ends a document
    if (array.size() > most) held.insert(held.size() - 1, most == 0 ? "..." : ", ...");
    sink(held);
}

}  // namespace

std::string type_name(std::uint32_t tensor_type) {
    const TensorType* type = find_tensor_type(tensor_type);
    return type != nullptr ? std::string(type->name) : fmt::format("unknown({})", tensor_type);
}

std::string_view file_type_name(std::uint64_t file_type) {
    const auto at = std::find_if(file_types.begin(), file_types.end(),
                                 [&](const FileType& known) { return known.id == (file_type & ~guessed); });
    return at != file_types.end() ? at->name : std::string_view();
}

void write_bare_text(const Value& value, std::uint64_t most, const JsonWriter::Sink& sink) {
    if (const auto text = value.as_string()) return write_text(*text, sink);
    if (const auto array = value.as_array()) return write_array_text(*array, most, sink);
    sink(number_text(value));
}

bool append_bare_text(std::string& out, const Value& value, std::uint64_t most, std::size_t most_bytes) {
    struct Enough {};
    const std::size_t begin = out.size();
    try {
        write_bare_text(value, most, [&](std::string_view piece) {
            out += piece;
            if (out.size() - begin > most_bytes) throw Enough();
        });
    } catch (Enough) {
        out.resize(begin + whole_characters(std::string_view(out).substr(begin), most_bytes));
        return true;
    }
    return false;
}

void write_value(JsonWriter& json, const Value& value, std::uint64_t most) {
    switch (value.type()) {
        case ValueType::string:
            return json.text(*value.as_string());
        case ValueType::boolean:
            return json.boolean(*value.as_bool());
        case ValueType::float32:
            return json.number(load_le<float>(value.bytes().data()));
        case ValueType::float64:
            return json.number(load_le<double>(value.bytes().data()));
        case ValueType::array:
            return write_elements(json, *value.as_array(), most);
        default:
            break;
    }
    if (const auto number = value.as_signed()) return json.number(*number);
    json.number(value.as_unsigned().value_or(0));
}

}  // namespace ggufmap::inspect
