#include "gguf-residency/gguf_residency.hpp"

#include <array>

#include "common/as_found.hpp"
#include "common/models.hpp"
#include "gguf-residency/require.hpp"
#include "gguf-residency/view.hpp"
#include "ggufmap/error.hpp"

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
constexpr std::array<Choice, 5> choices = {{{"--layers", show_layers, true},
                                            {"--tensors", show_tensors, true},
                                            {"--experts", show_experts, false},
                                            {"--pages", show_pages, false},
                                            {"--ranges", show_ranges, false}}};

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

Status work(const Args& args, Io& io) {
    const KernelPageCache cache(method_from(args));
    const KernelProcessTable processes;
    const View view{args, io, cli::Style::from(args), cli::selection_from(args), cache, processes, {}};
    std::vector<Model> models;
    Status status = cli::for_each_input(args, io, "MODEL", [&](const std::string& name) {
        const cli::AsFound as_found(cache, name, cli::places_from(io));
        models.push_back(Model::open(name, cli::places_from(io)));
        as_found.restore(models.back());
        return Status::ok;
    });
    if (models.empty()) return status;
    if (!args.has("--quiet")) status = cli::worst(status, show(view, models));
    return cli::worst(status, check_requirements(view, models));
}

}  // namespace

int gguf_residency(std::span<const std::string> arguments, Io& io) {
    return cli::run(residency_tool(), arguments, io, [&](const Args& args) {
        args.at_most_one_of({"--layers", "--tensors", "--experts", "--pages", "--ranges"});
        return work(args, io);
    });
}

}  // namespace ggufmap::residency
