// printable() and the JSON writer: whatever the bytes, what comes out is valid UTF-8 without control
// characters.
#include <cstdlib>
#include <string>
#include <string_view>

#include "ggufmap/json.hpp"
#include "ggufmap/text.hpp"

namespace {

void demand_harmless(std::string_view text) {
    if (!ggufmap::valid_utf8(text)) std::abort();
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    demand_harmless(ggufmap::printable(bytes));
    std::string json;
    ggufmap::append_json_string(json, bytes);
    demand_harmless(json);
    return 0;
}
