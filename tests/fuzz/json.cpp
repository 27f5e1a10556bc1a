// gguf-inspect on any bytes: --json is one JSON document, every view is UTF-8 that does nothing to a
// terminal, and the exit status is one of a verdict.
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gguf-inspect/inspect.hpp"
#include "ggufmap/text.hpp"
#include "memory_file.hpp"
#include "mutate.hpp"
#include "support/fake_io.hpp"

using namespace ggufmap;

namespace {

void harmless(const std::string& text) {
    demand(valid_utf8(text));
    for (const char c : text)
        demand((static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) || c == '\n' || c == '\t');
}

/// What the tool prints.
std::string output_of(const std::vector<std::string>& arguments) {
    test::FakeIo io;
    const int status = inspect::inspect(arguments, io);
    demand(status == 0 || status == 1);
    harmless(io.errors);
    std::string output = io.output();
    harmless(output);
    return output;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Fd file = memory_file(data, size);
    const std::string name = "/proc/self/fd/" + std::to_string(file.get());
    const std::string document = output_of({"--json", "--arrays", name});
    demand(nlohmann::json::accept(document));
    constexpr std::array views = {"--kv", "--tensors", "--layers", "--types", "--map", "--check"};
    output_of({views[size % views.size()], name});
    return 0;
}
