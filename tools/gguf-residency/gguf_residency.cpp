#include "gguf-residency/gguf_residency.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/models.hpp"
#include "common/numbers.hpp"
#include "gguf-residency/fit.hpp"
#include "gguf-residency/lens.hpp"
#include "gguf-residency/nameless.hpp"
#include "gguf-residency/record.hpp"
#include "gguf-residency/require.hpp"
#include "gguf-residency/rules.hpp"
#include "gguf-residency/unknown.hpp"
#include "gguf-residency/view.hpp"
#include "gguf-residency/watch.hpp"

namespace ggufmap::residency {
namespace {

using cli::Args;
using cli::Io;
using cli::Status;

struct Choice {
    const char* option;
    Status (*show)(const View&, Models);
    bool has_document;  // --json gives the document of layers and tensors
};
constexpr std::array<Choice, 8> choices = {{{"--layers", show_layers, true},
                                            {"--tensors", show_tensors, true},
                                            {"--experts", show_experts, false},
                                            {"--pages", show_pages, false},
                                            {"--ranges", show_ranges, false},
                                            {"--procs", show_processes, false},
                                            {"--budget", show_budget, false},
                                            {"--why", show_why, false}}};

KernelPageCache::Allow method_from(const Args& args) {
    const std::string method = args.text("--method").value_or("auto");
    if (method == "cachestat") return KernelPageCache::Allow::only_cachestat;
    if (method == "mincore") return KernelPageCache::Allow::only_mincore;
    return KernelPageCache::Allow::everything;
}

Status show(const View& view, Models models) {
    const bool json = view.style.format == cli::Format::json;
    for (const Choice& choice : choices) {
        if (!view.args.has(choice.option)) continue;
        return json && choice.has_document ? show_document(view, models) : choice.show(view, models);
    }
    return json ? show_document(view, models) : show_heat(view, models);
}

Status show_once(const View& view, Models models) {
    if (view.args.has("--svg")) return write_picture(view, models);
    return show(view, models);
}

Status show_and_check(const View& view, Models models) {
    const bool silent = view.args.has("--quiet") && !view.args.has("--budget") && !view.args.has("--svg");
    const Status shown = silent ? Status::ok : show_once(view, models);
    return cli::worst(shown, check_requirements(view, models));
}

int pid_from(const Args& args) {  // 0: none was given
    const auto wanted = args.number("--pid", {1, 1 << 22});
    return wanted ? process_of(static_cast<int>(*wanted)) : 0;
}

Status show_record(const View& view, Models models) {
    const Recording recording = record(view, models, *view.args.duration("--record"), pid_from(view.args));
    if (!view.args.has("--ranges")) return show_recording(view, recording, models);
    const View through{view.args,        view.io,        view.style, view.selection,
                       recording.seen(), view.processes, view.roots, "touched"};
    return show_ranges(through, models);
}

Status show_through_process(const View& view, Models models) {
    const int pid = pid_from(view.args);
    MappingCost cost;
    const PageMapCache pages = pages_of_process(view.processes, models, pid, &cost);
    const View through{
        view.args,       view.io,        view.style, view.selection,
        pages,           view.processes, view.roots, fmt::format("in the page tables of {}", pid),
        cost.referenced, view.rates};
    const Status status = show_and_check(through, models);
    const bool for_people =
        view.style.format == cli::Format::table && !view.args.has("--ranges") && !view.args.has("--svg");
    if (!view.args.has("--quiet") && for_people)
        view.io.out(fmt::format("referenced bits set: {}\n", cli::human_size(cost.referenced)));
    if (view.args.has("--clear-refs")) clear_referenced(pid, view.roots);
    return status;
}

// Once, however often --watch shows it; the views that are about something else say it where it matters.
void tell_unknown(const View& view, Models models) {
    for (const char* option : {"--ranges", "--procs", "--budget", "--why", "--pid"}) {
        if (view.args.has(option)) return;
    }
    if (view.args.has("--quiet") && !view.args.has("--require") && !view.args.has("--svg")) return;
    const std::string text = first_unknown(view, models);
    if (!text.empty()) cli::say(view.args, view.io, text);
}

Status show_as_asked(const View& view, Models models) {
    if (view.args.has("--record")) return show_record(view, models);
    tell_unknown(view, models);
    const auto shown = [&](const View& now) {
        return now.args.has("--pid") ? show_through_process(now, models) : show_and_check(now, models);
    };
    if (!view.args.has("--watch")) return shown(view);
    constexpr std::chrono::milliseconds usual(2000);
    const auto interval = view.args.text("--watch")->empty() ? usual : *view.args.duration("--watch");
    return watch(view, models, std::max(interval, std::chrono::milliseconds(100)), pid_from(view.args),
                 shown);
}

bool is_truncated(const Model& model) {
    return std::any_of(model.tensors().begin(), model.tensors().end(), [&](const ModelTensor& tensor) {
        return tensor.range && tensor.range->end() > model.shards()[tensor.shard].file.size();
    });
}

Status work(const Args& args, Io& io) {
    const std::vector<Requirement> requirements = requirements_from(args);
    const KernelPageCache cache(method_from(args));
    const KernelProcessTable processes;
    const Selection selection = cli::selection_from(args);
    std::vector<Model> models;
    const Places places = cli::places_from(io);
    const bool budget = args.has("--budget");  // plans for two users of one file
    const Status opened = cli::for_each_input(args, io, "MODEL", [&](const std::string& wanted) {
        std::vector<File> files = files_without_name(wanted, places, processes);
        constexpr auto untouched = ModelOpening::Headers::untouched;
        Model model = files.empty()       ? Model::open(wanted, places, {.headers = untouched})
                      : files.size() == 1 ? Model::from(std::move(files.front()), {.headers = untouched})
                                          : Model::of_shards(std::move(files), {.headers = untouched});
        const auto same = std::find_if(models.begin(), models.end(),
                                       [&](const Model& other) { return is_same(other, model); });
        if (same != models.end() && !budget) {
            if (!args.has("--quiet"))
                cli::say(args, io, fmt::format("{}: is {}, which is shown once", model.name(), same->name()));
            return Status::ok;
        }
        refuse_unfitting(args, selection, requirements, model);
        models.push_back(std::move(model));
        // Told, not refused: what is there can be shown, but 100 % of it is no whole model.
        if (is_truncated(models.back())) models.back().require_complete();
        return Status::ok;
    });
    if (models.empty()) return opened;
    const View view{args, io, cli::Style::from(args), selection, cache, processes, {}};
    return cli::worst(opened, show_as_asked(view, models));
}

}  // namespace

int gguf_residency(std::span<const std::string> arguments, Io& io) {
    return cli::run(residency_tool(), arguments, io, [&](const Args& args) {
        refuse_contradictions(args);
        return work(args, io);
    });
}

}  // namespace ggufmap::residency
