#include "gguf-stitch/stitch.hpp"

int main(int argc, char** argv) { return ggufmap::cli::tool_main(argc, argv, ggufmap::stitch::stitch); }
