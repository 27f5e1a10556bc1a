#include "gguf-prefault/gguf_prefault.hpp"

int main(int argc, char** argv) {
    return ggufmap::cli::tool_main(argc, argv, ggufmap::prefault_tool::gguf_prefault);
}
