// Feeds every file of the corpus folders to a fuzz target, each in a heap buffer of exactly its size, so that
// a sanitizer sees one byte too far; where the target has a mutator of its own, some of its mutations of
// each, too, always the same. Usage: fuzz-NAME CORPUS...
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" __attribute__((weak)) std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                                                     std::size_t most, unsigned int seed);
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t*, std::size_t size, std::size_t) { return size; }

namespace {

constexpr unsigned int mutations = 50;

void run_exactly(const char* bytes, std::size_t size) {
    const std::unique_ptr<char[]> copy(new char[size]);
    std::memcpy(copy.get(), bytes, size);
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(copy.get()), size);
}

void run_mutations(const char* bytes, std::size_t size) {
    for (unsigned int i = 0; i < mutations; ++i) {
        std::vector<char> buffer(bytes, bytes + size);
        buffer.resize(size + (64 << 10));
        const std::size_t mutated = LLVMFuzzerCustomMutator(reinterpret_cast<std::uint8_t*>(buffer.data()),
                                                            size, buffer.size(), 2 * i + 1);
        run_exactly(buffer.data(), mutated);
    }
}

}  // namespace

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
            run_exactly(bytes.get(), size);
            if (LLVMFuzzerCustomMutator != nullptr) run_mutations(bytes.get(), size);
            ++replayed;
        }
    }
    std::printf("%zu inputs replayed\n", replayed);
    return replayed > 0 ? 0 : 1;
}
