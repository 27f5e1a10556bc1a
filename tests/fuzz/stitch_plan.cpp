// Plans of stitching: two files of any content under the names of a set; the first byte of the input says
// where the first ends. Refused with a reason, or the pieces are the size that is promised and lie in the
// files.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "ggufmap/error.hpp"
#include "ggufmap/stitch.hpp"
#include "memory_file.hpp"

using namespace ggufmap;

namespace {

namespace fs = std::filesystem;

struct Folder {
    fs::path path = fs::path("/dev/shm") / ("ggufmap-fuzz-" + std::to_string(::getpid()));
    Folder() { fs::create_directory(path); }
    ~Folder() { fs::remove_all(path); }
};

void write(const fs::path& path, Bytes bytes) { std::ofstream(path, std::ios::binary) << as_text(bytes); }

void plan(const fs::path& first) try {
    const StitchPlan plan = plan_stitch({first});
    std::uint64_t size = 0;
    for (const Piece& piece : plan.pieces) {
        if (piece.source != nullptr) demand(piece.range.end() <= piece.source->size());
        size += piece.range.size;
    }
    demand(size == plan.size && !plan.sources().empty());
} catch (const Error& error) {
    demand(error.kind() != ErrorKind::io);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Folder folder;
    if (size < 2) return 0;
    const Bytes bytes = std::as_bytes(std::span(data + 2, size - 2));
    const std::size_t cut = std::min<std::size_t>(data[0] + 256 * data[1], bytes.size());
    for (const char* const kind : {"gguf", "part"}) {
        const fs::path first = folder.path / (std::string("s-00001-of-00002.") + kind);
        const fs::path second = folder.path / (std::string("s-00002-of-00002.") + kind);
        write(first, bytes.first(cut));
        write(second, bytes.subspan(cut));
        plan(first);
    }
    return 0;
}
