// Checksum lists: what is taken from one is written as a list that says the same, and finds every file.
#include <algorithm>

#include "ggufmap/checksums.hpp"
#include "ggufmap/error.hpp"
#include "memory_file.hpp"

using namespace ggufmap;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) try {
    std::vector<Checksum> checksums = parse_checksums({reinterpret_cast<const char*>(data), size}, "fuzz");
    for (const Checksum& one : checksums) {
        demand(one.hex.size() == 32 && !one.name.empty());
        if (!one.elsewhere) demand(find_checksum(checksums, one.name).has_value());
    }
    // Escaped names may have line ends, which lists of ours have in comments only.
    std::erase_if(checksums, [](const Checksum& one) { return one.name.find('\n') != std::string::npos; });
    demand(parse_checksums(format_checksums(checksums), "again") == checksums);
    return 0;
} catch (const Error& error) {
    demand(error.kind() == ErrorKind::malformed);
    return 0;
}
