#include "gguf-inspect/inspect.hpp"

int main(int argc, char** argv) { return ggufmap::cli::tool_main(argc, argv, ggufmap::inspect::inspect); }
