#include "gguf-shard/shard.hpp"

int main(int argc, char** argv) { return ggufmap::cli::tool_main(argc, argv, ggufmap::shard::shard); }
