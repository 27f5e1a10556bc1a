#include "gguf-residency/require.hpp"

#include <fmt/format.h>

#include "common/numbers.hpp"
#include "common/tool.hpp"
#include "gguf-residency/counts.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/residency.hpp"

namespace ggufmap::residency {

Requirement Requirement::parse(const std::string& text) {
    const auto colon = text.find(':');
    const auto percent = cli::parse_percent(text.substr(0, colon));
    if (!percent)
        throw Error(
            ErrorKind::usage, {},
            fmt::format("--require: '{}' is no percentage, wanted for example 95 or 95:layer=0-7", text));
    Requirement requirement{*percent, {}, text};
    if (colon != std::string::npos) requirement.selection = Selection::parse(text.substr(colon + 1));
    return requirement;
}

std::vector<Requirement> requirements_from(const cli::Args& args) {
    std::vector<Requirement> requirements;
    for (const std::string& text : args.all("--require")) requirements.push_back(Requirement::parse(text));
    return requirements;
}

void refuse_empty(const Requirement& wanted, const Model& model) {
    if (wanted.selection.ranges(model).empty())
        throw Error(ErrorKind::usage, {model.name()},
                    fmt::format("--require {}: the model has nothing of this kind", wanted.text));
}

cli::Status check_requirements(const View& view, Models models) {
    const std::vector<Requirement> requirements = requirements_from(view.args);
    cli::Status status = cli::Status::ok;
    for (const Model& model : models) {
        for (const Requirement& wanted : requirements) {
            const CacheCounts bytes = count_ranges(view.cache, model, wanted.selection.ranges(model));
            if (!bytes.resident) {
                cli::say(view.args, view.io,
                         fmt::format("{}: --require {}: {}", model.name(), wanted.text,
                                     summary(bytes, view.noun, false)));
                status = cli::worst(status, cli::Status::trouble);
            } else if (percent_resident(bytes).value_or(100) < wanted.percent) {
                if (!view.args.has("--quiet"))
                    cli::say(view.args, view.io,
                             fmt::format("{}: --require {}: {}", model.name(), wanted.text,
                                         summary(bytes, view.noun, false)));
                status = cli::worst(status, cli::Status::no);
            }
        }
    }
    return status;
}

}  // namespace ggufmap::residency
