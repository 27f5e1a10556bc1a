// Lists of digests: what is taken from a line can be written as a line again, and that is taken as the same.
#include <string>

#include "ggufmap/error.hpp"
#include "ggufmap/manifest.hpp"
#include "memory_file.hpp"

using namespace ggufmap;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) try {
    const Manifest manifest = parse_manifest({reinterpret_cast<const char*>(data), size}, "fuzz");
    demand(!manifest.entries.empty());
    for (const ManifestEntry& entry : manifest.entries) {
        if (!entry.of_file) continue;  // a name of weights may hold what no line can
        const std::string line = file_line(entry.kind, hex_of(entry.kind, entry.digest), entry.name);
        demand(line.find('\n') == std::string::npos);
        const Manifest again = parse_manifest(line, "again");
        demand(again.entries.size() == 1 && again.unknown.empty());
        const ManifestEntry& same = again.entries.front();
        demand(same.kind == entry.kind && same.digest == entry.digest && same.name == entry.name &&
               same.of_file);
    }
    return 0;
} catch (const Error& error) {
    demand(error.kind() == ErrorKind::usage);
    return 0;
}
