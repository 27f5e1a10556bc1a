#include "gguf-residency/gguf_residency.hpp"

int main(int argc, char** argv) {
    return ggufmap::cli::tool_main(argc, argv, ggufmap::residency::gguf_residency);
}
