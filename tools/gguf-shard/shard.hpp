// gguf-shard: cuts a model up.
#pragma once

#include <span>
#include <string>

#include "common/tool.hpp"

namespace ggufmap::shard {

const cli::Tool& shard_tool();
int shard(std::span<const std::string> arguments, cli::Io& io);

}  // namespace ggufmap::shard
