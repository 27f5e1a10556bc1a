#include "detail/shard_lists.hpp"

namespace ggufmap::detail {
namespace {

std::string list_of(const std::string& name) { return name + std::string(checksum_suffix); }
std::string list_of_all(const ShardPlan& plan) { return list_of(split_path(plan.prefix).name); }

/// Of single shards, as workers leave them. Those of a whole run are read where it has written no list.
std::vector<std::string> single_lists(const ShardPlan& plan, const ShardRun& options) {
    std::vector<std::string> names;
    if (!options.only && options.checksums) return names;
    for (std::size_t i = 0; i < plan.shards.size(); ++i)
        if (!options.only || options.only(i)) names.push_back(list_of(plan.shards[i].name));
    return names;
}

}  // namespace

std::vector<std::string> list_names(const ShardPlan& plan, const ShardRun& options) {
    std::vector<std::string> names = single_lists(plan, options);
    if (!options.only) names.push_back(list_of_all(plan));  // that of the set is right of one made again
    return names;
}

void remove_old_lists(const ShardPlan& plan, const ShardRun& options, const OutputDirectory& directory) {
    if (!options.output.replace || options.checksums) return;
    for (const std::string& name : list_names(plan, options)) directory.remove(name);
}

}  // namespace ggufmap::detail
