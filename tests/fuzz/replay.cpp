// Feeds every file of the corpus folders to a fuzz target, each in a heap buffer of exactly its size, so that
// a sanitizer sees one byte too far. Usage: fuzz-NAME CORPUS...
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
    std::size_t replayed = 0;
    for (int i = 1; i < argc; ++i) {
        for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
            const auto size = static_cast<std::size_t>(entry.file_size());
            const std::unique_ptr<char[]> bytes(new char[size]);
            if (!std::ifstream(entry.path(), std::ios::binary)
                     .read(bytes.get(), static_cast<std::streamsize>(size))) {
                std::printf("cannot read %s\n", entry.path().c_str());
                return 2;
            }
            LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.get()), size);
            ++replayed;
        }
    }
    std::printf("%zu inputs replayed\n", replayed);
    return replayed > 0 ? 0 : 1;
}
