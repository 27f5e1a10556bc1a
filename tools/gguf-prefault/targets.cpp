// Which bytes of which models the command line means.
#include <fmt/format.h>

#include <algorithm>

#include "common/files.hpp"
#include "common/models.hpp"
#include "common/tool.hpp"
#include "gguf-prefault/budget.hpp"
#include "gguf-prefault/job.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/lock.hpp"
#include "ggufmap/ranges.hpp"

namespace ggufmap::prefault_tool {
namespace {

std::optional<HotList> hot_list(const Job& job) {
    const auto name = job.args.text("--ranges");
    if (!name) return std::nullopt;
    if (job.args.count("MODEL") > 1)
        throw Error(ErrorKind::usage, {}, "--ranges: a list is about one model, but several are given");
    if (*name == "-")
        return HotList::parse(cli::read_text(job.io.input_fd(), "standard input"), "standard input");
    return HotList::parse(cli::read_text_file(*name), *name);
}

Selection selection_for(const Job& job, const Model& model, const std::optional<HotList>& list) {
    Selection selection = cli::selection_from(job.args);
    if (!list) return selection;
    if (!job.args.has("--force")) list->require_match(model);
    return selection.restrict_to(list->ranges());
}

std::uint64_t bytes_of(const std::vector<ShardRange>& ranges) {
    std::uint64_t bytes = 0;
    for (const ShardRange& one : ranges) bytes += one.range.size;
    return bytes;
}

}  // namespace

cli::Status open_targets(Job& job) {
    const auto list = hot_list(job);
    std::optional<std::uint64_t> budget;
    if (const auto text = job.args.text("--budget")) {
        try {
            budget = budget_bytes(*text, available_memory());
        } catch (const Error& error) {
            throw Error(ErrorKind::usage, {}, std::string("--budget: ") + error.reason());
        }
        if (*text == "auto" && locks(job.args)) *budget -= std::min(*budget, lock_overhead(*budget));
    }
    return cli::for_each_input(job.args, job.io, "MODEL", [&](const std::string& name) {
        const Places places = cli::places_from(job.io);
        Model model = Model::open(name, places, {.headers = ModelOpening::Headers::untouched});
        Target target{Mapping::of(std::move(model), Mapping::Layout::aligned), {}, 0};
        const Selection selection = selection_for(job, target.model(), list);
        target.wanted = selection.ranges(target.model());
        if (budget) {
            const std::uint64_t selected = bytes_of(target.wanted);
            target.wanted = within_budget(job.cache, target.model(), selection, *budget);
            const std::uint64_t taken = bytes_of(target.wanted);
            target.left_out = selected - std::min(selected, taken);
            *budget -= std::min(*budget, taken);
        }
        job.targets.push_back(std::move(target));
        return cli::Status::ok;
    });
}

}  // namespace ggufmap::prefault_tool
