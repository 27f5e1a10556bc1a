#include "common/tool.hpp"
#include "gguf-hfstub/gguf-hfstub.hpp"

int main(int argc, char** argv) { return ggufmap::cli::tool_main(argc, argv, ggufmap::cli::hfstub); }
