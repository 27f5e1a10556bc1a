// --budget: the arithmetic, line by line.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "common/numbers.hpp"
#include "gguf-residency/budget.hpp"
#include "gguf-residency/hot.hpp"
#include "gguf-residency/lens.hpp"
#include "gguf-residency/shell_word.hpp"
#include "gguf-residency/wrapped.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::residency {
namespace {

void line(const View& view, const std::string& what, const std::string& size, const std::string& remark) {
    std::string text = fmt::format("  {:<30} {:>12}", what, size);
    const std::size_t width = view.io.terminal(cli::Stream::out).width;
    constexpr std::size_t least = 24;  // columns that a remark needs beside the numbers
    const bool below = width != 0 && text.size() + 2 + least > width;
    const std::size_t indent = below ? 4 : text.size() + 2;
    if (!remark.empty()) text += (below ? "\n    " : "  ") + wrapped(remark, width, indent, indent);
    view.io.out(text + "\n");
}

void line(const View& view, const std::string& what, std::uint64_t bytes, const std::string& remark = "") {
    line(view, what, view.style.exact_bytes ? std::to_string(bytes) : cli::human_size(bytes), remark);
}

std::vector<std::uint64_t> pids_of(const MappedModel& model) {
    std::vector<std::uint64_t> pids;
    for (const Mapper& mapper : model.mappers) pids.push_back(static_cast<std::uint64_t>(mapper.pid));
    return pids;
}

// "12, 13, 14 and 990 more"
std::string mapped_by(const MappedModel& model) {
    std::vector<std::uint64_t> pids = pids_of(model);
    constexpr std::size_t shown = 10;
    const std::size_t more = pids.size() - std::min(pids.size(), shown);
    pids.resize(pids.size() - more);
    const std::string rest = more == 0 ? "" : fmt::format(" and {} more", more);
    return fmt::format("{}{}", fmt::join(pids, ", "), rest);
}

void print_others(const View& view, const Supply& supply, const ModelScan& others) {
    for (const MappedModel& model : others.models)
        line(view, "another model takes", evictable_bytes(model),
             fmt::format("{}{}, mapped by {}", printable(model.path), model.deleted ? " (deleted)" : "",
                         mapped_by(model)));
    std::uint64_t sum = 0;
    for (const MappedModel& model : others.models) sum += evictable_bytes(model);
    if (supply.bound_by == "--ram" && !others.models.empty())
        line(view, "taken off for them", 0, "as --ram says what there would be");
    else if (supply.others < sum)
        line(view, "taken off for them", supply.others,
             fmt::format("as no more of it can be in {}", printable(supply.bound_by)));
    if (!others.all_seen) line(view, "other processes", "unknown", unseen_text(others));
}

void print_supply(const View& view, const Supply& supply, const AvailableMemory& memory,
                  const ModelScan& others) {
    view.io.out("there is\n");
    line(view, "memory of the host", memory.host.total);
    line(view, "available without swapping", memory.host.available, "MemAvailable, clean page cache counts");
    for (const CgroupMemory& group : memory.cgroups) {
        if (!group.limit && !group.high) continue;
        const bool slowed = group.high && group.high < group.limit.value_or(UINT64_MAX);
        line(view, "left in control group", *group.available(),
             fmt::format("{}: {} {} - usage {} + reclaimable {}", printable(group.path),
                         slowed ? "memory.high" : "limit",
                         cli::human_size(slowed ? *group.high : *group.limit), cli::human_size(group.usage),
                         cli::human_size(group.reclaimable)));
    }
    print_others(view, supply, others);
    if (memory.host.swap_total != 0)
        line(view, "free swap", supply.swap_free, "not counted: weights never go there");
    if (supply.zram_ratio > 0)
        line(view, "gained by zRAM at most", supply.zram_gain,
             fmt::format("ratio {:.1f}, for private memory only", supply.zram_ratio));
    line(view, "to plan with", supply.available, "bound by " + printable(supply.bound_by));
}

std::string context_remark(const Need& need) {
    std::string text = fmt::format("{} tokens", need.context_tokens);
    if (need.states != 0)
        text += fmt::format(", {} of it states of recurrent layers", cli::human_size(need.states));
    if (need.context_at_most)
        text = "at most: " + text + ", all layers in full, as it is unknown which keep to the sliding window";
    return text;
}

void print_need(const View& view, const Need& need) {
    view.io.out(fmt::format("{} needs\n", printable(need.model)));
    line(view, "weights", need.weights,
         need.given_before ? std::string("those of the same file above")
         : need.resident_already
             ? fmt::format("{} are in memory now", cli::human_size(*need.resident_already))
             : std::string("unknown how much of it is in memory now"));
    if (need.held != 0)
        line(view, "of this in memory for good", need.held,
             "is there already, cannot be evicted (locked, or on tmpfs) and is not counted as available");
    if (need.every_token != need.weights)
        line(view, "of this for any one token", need.every_token, "all but the experts that it does not use");
    if (need.context) {
        line(view, "attention cache", *need.context, context_remark(need));
    } else {
        line(view, "attention cache", "unknown", "the header lacks the numbers, or --ctx");
    }
    line(view, "page tables of each process", need.page_tables);
}

// "wanted 216.0 MiB + 198.0 MiB of weights = 414.0 MiB, there are 330.0 MiB (130.0 MiB by zRAM)"
std::string sum_text(const Budget& budget) {
    std::string text = fmt::format("wanted {} + {} of weights", cli::human_size(budget.fixed),
                                   cli::human_size(budget.weights));
    if (budget.held != 0) text += fmt::format(" - {} that are there for good", cli::human_size(budget.held));
    text += fmt::format(" = {}, there are {}", cli::human_size(wanted_by(budget)),
                        cli::human_size(budget.memory));
    if (budget.zram_gain != 0)
        text += fmt::format(" ({} of them by zRAM)", cli::human_size(budget.zram_gain));
    return text;
}

// What stays of the models, which share the memory in the order given.
std::vector<std::vector<HotPart>> hot_of_all(const View& view, Models models, const Budget& budget) {
    std::vector<std::vector<HotPart>> all;
    for (std::size_t i = 0; i < models.size(); ++i)
        all.push_back(hot_parts(view.cache, models[i], budget.kept[i]));
    return all;
}

std::string hot_text(Models models, const Budget& budget, const std::vector<std::vector<HotPart>>& hot) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < models.size(); ++i) {
        if (budget.needs[i].given_before) continue;
        const std::string words = in_words(hot[i]);
        const std::string name = models.size() > 1 ? printable(models[i].name()) + ": " : "";
        texts.push_back(name + (words.empty() ? "nothing" : words));
    }
    return fmt::format("{}", fmt::join(texts, "; "));
}

std::string again_text(const Budget& budget) {
    const double share = 100 * static_cast<double>(budget.read_per_token) /
                         static_cast<double>(std::max<std::uint64_t>(budget.every_token, 1));
    return fmt::format("each token reads {} of {} again ({})", cli::human_size(budget.read_per_token),
                       cli::human_size(budget.every_token), cli::human_percent(share));
}

std::string verdict_text(const Budget& budget, const std::string& hot) {
    switch (budget.verdict) {
        case Verdict::resident:
            return lacks_context(budget) ? "resident, without the attention cache, which is unknown"
                                         : "resident: everything stays in memory";
        case Verdict::lazy:
            return fmt::format("lazy: works from the disk; {} of weights stay ({}), {}",
                               cli::human_size(budget.left_for_weights), hot, again_text(budget));
        case Verdict::thrash:
            break;
    }
    if (budget.fixed > budget.memory) return "thrash: not even attention cache and page tables fit";
    return "thrash: " + again_text(budget);
}

// The kernel alone evicts what was used longest ago, which in a model is what is needed next.
std::string advice_text(const Budget& budget) {
    std::vector<std::string> models;
    for (const Need& need : budget.needs) {
        if (!need.given_before) models.push_back(shell_word(need.model));
    }
    return fmt::format("keep them there: gguf-prefault --lock --budget {} {}", budget.left_for_weights,
                       fmt::join(models, " "));
}

void write_others(JsonWriter& json, const ModelScan& others) {
    json.key("other_models");
    json.begin_array();
    for (const MappedModel& model : others.models) {
        const MappingCost cost = model.cost();
        json.begin_object();
        json.key("model");
        json.text(model.path);
        json.key("deleted");
        json.boolean(model.deleted);
        for (const auto& [key, value] : {std::pair("mapped_bytes", cost.mapped),
                                         {"rss_bytes", cost.rss},
                                         {"pss_bytes", cost.pss},
                                         {"locked_bytes", model.locked},
                                         {"evictable_bytes", evictable_bytes(model)}}) {
            json.key(key);
            json.number(value);
        }
        json.key("pids");
        json.begin_array(JsonWriter::Layout::inline_);
        for (const std::uint64_t pid : pids_of(model)) json.number(pid);
        json.end_array();
        json.end_object();
    }
    json.end_array();
    json.key("not_permitted");
    json.number(others.not_permitted);
    json.key("complete");
    json.boolean(others.all_seen);
}

void write_hot(JsonWriter& json, const std::vector<HotPart>& hot) {
    json.key("parts");
    json.begin_array();
    for (const HotPart& one : hot) {
        json.begin_object(JsonWriter::Layout::inline_);
        json.key("part");
        json.string(name_of(one.part));
        json.key("bytes");
        json.number(one.bytes);
        json.key("hot_bytes");
        json.number(one.hot);
        json.end_object();
    }
    json.end_array();
}

void write_document(const View& view, const Budget& budget, const std::vector<std::vector<HotPart>>& hot,
                    const ModelScan& others) {
    JsonWriter json(cli::json_sink(view.io));
    const auto number = [&](const char* key, std::optional<std::uint64_t> value) {
        json.key(key);
        json.number_or_null(value);
    };
    begin_document(json, view);
    json.key("verdict");
    json.string(name_of(budget.verdict));
    number("available_bytes", budget.supply.available);
    json.key("bound_by");
    json.text(budget.supply.bound_by);
    number("swap_free_bytes", budget.supply.swap_free);
    number("zram_gain_bytes", budget.supply.zram_gain);
    number("left_for_weights_bytes", budget.left_for_weights);
    number("weights_bytes", budget.weights);
    number("held_bytes", budget.held);
    number("every_token_bytes", budget.every_token);
    number("fixed_bytes", budget.fixed);
    number("read_per_token_bytes", budget.read_per_token);
    number("others_bytes", budget.supply.others);
    json.key("models");
    json.begin_array();
    for (std::size_t i = 0; i < budget.needs.size(); ++i) {
        const Need& need = budget.needs[i];
        json.begin_object();
        json.key("model");
        json.text(need.model);
        number("weights_bytes", need.weights);
        number("held_bytes", need.held);
        number("every_token_bytes", need.every_token);
        number("context_bytes", need.context);
        number("context_tokens", need.context_tokens);
        number("page_table_bytes", need.page_tables);
        number("resident_bytes", need.resident_already);
        write_hot(json, hot[i]);
        json.end_object();
    }
    json.end_array();
    write_others(json, others);
    json.end_object();
    json.finish();
}

// Of one model, beside those before it: a file that was given before is in memory once, whatever number of
// processes have contexts of their own.
Need need_beside(const View& view, Models before, const Model& model, Need need) {
    if (std::any_of(before.begin(), before.end(),
                    [&](const Model& other) { return is_same(other, model); })) {
        need.weights = need.every_token = need.experts = 0;
        need.resident_already = 0;
        need.given_before = true;
    } else if (!view.args.has("--ram")) {  // which is about a machine that there is not: nothing is there yet
        need.held = held_bytes(model, view.cache, view.processes);
    }
    return need;
}

}  // namespace

cli::Status show_budget(const View& view, Models models) {
    const KvType type = *parse_kv_type(view.args.text("--kv-type").value_or("f16"));
    const std::uint64_t context = view.args.number("--ctx", {1, 1ULL << 40}).value_or(0);
    const AvailableMemory memory = available_memory(view.roots);
    const ModelScan others = view.processes.mapped_models(maps_identities(models));
    const Supply supply = supply_of(memory, others.models, read_zram(view.roots), view.args.size("--ram"),
                                    view.args.size("--zram"));
    std::vector<Need> needs;
    for (std::size_t i = 0; i < models.size(); ++i)
        needs.push_back(
            need_beside(view, models.first(i), models[i], need_of(models[i], view.cache, context, type)));
    const Budget budget = make_budget(supply, std::move(needs));
    const auto hot = hot_of_all(view, models, budget);
    if (view.style.format == cli::Format::json) {
        write_document(view, budget, hot, others);
    } else if (!view.args.has("--quiet")) {
        print_supply(view, supply, memory, others);
        for (const Need& need : budget.needs) print_need(view, need);
        const std::size_t width = view.io.terminal(cli::Stream::out).width;
        view.io.out(wrapped(sum_text(budget), width, 0, 2) + "\n");
        view.io.out(wrapped(verdict_text(budget, hot_text(models, budget, hot)), width, 0, 2) + "\n");
        if (budget.verdict == Verdict::lazy)
            view.io.out(advice_text(budget) + "\n");  // to be copied: one line
    }
    return budget.verdict == Verdict::thrash ? cli::Status::no : cli::Status::ok;
}

}  // namespace ggufmap::residency
