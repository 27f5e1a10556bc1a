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

void write_elements(JsonWriter& json, const ArrayView& array, std::uint64_t most) {
    json.begin_array(JsonWriter::Layout::inline_);
    std::uint64_t left = most;
    for (const Value element : array) {
        if (left-- == 0) break;
        write_value(json, element, most);
    }
    json.end_array();
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

std::string bare_text(const Value& value) {
    switch (value.type()) {
        case ValueType::string:
            return std::string(*value.as_string());
        case ValueType::boolean:
            return *value.as_bool() ? "true" : "false";
        case ValueType::float32:
            return shortest(load_le<float>(value.bytes().data()));
        case ValueType::float64:
            return shortest(load_le<double>(value.bytes().data()));
        case ValueType::array:
            return array_text(*value.as_array(), UINT64_MAX);
        default:
            break;
    }
    if (const auto number = value.as_signed()) return std::to_string(*number);
    return std::to_string(value.as_unsigned().value_or(0));
}

std::string array_text(const ArrayView& array, std::uint64_t most) {
    std::string text;
    JsonWriter json([&](std::string_view piece) { text += piece; });
    write_elements(json, array, most);
    json.finish();
    text.pop_back();  // the newline that ends a document
    if (array.size() > most) text.insert(text.size() - 1, most == 0 ? "..." : ", ...");
    return text;
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
