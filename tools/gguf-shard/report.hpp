// The plan, and what became of it, for people and scripts.
#pragma once

#include "common/io.hpp"
#include "common/report.hpp"
#include "ggufmap/shard.hpp"

namespace ggufmap::shard {

/// The shards that `wanted` says yes to. `done` is null for a plan that was not carried out.
void print(const ShardPlan& plan, const std::function<bool(std::size_t)>& wanted, const ShardResult* done,
           const cli::Style& style, cli::Io& io);

}  // namespace ggufmap::shard
