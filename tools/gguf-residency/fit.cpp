#include "gguf-residency/fit.hpp"

#include <fmt/format.h>

#include "gguf-residency/tables.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap::residency {
namespace {

// "--layer 6 --part embed", as they were given.
std::string selection_in_words(const cli::Args& args) {
    std::string words;
    for (const char* option : {"--tensor", "--layer", "--part", "--expert"}) {
        for (const std::string& value : args.all(option))
            words += fmt::format("{}{} {}", words.empty() ? "" : " ", option, value);
    }
    return words;
}

bool finds_something(const Selection& selection, const Model& model) {
    bool found = false;
    selection.for_each(model, [&](const Selected&) { found = true; });
    return found;
}

}  // namespace

void refuse_unfitting(const cli::Args& args, const Selection& selection,
                      const std::vector<Requirement>& requirements, const Model& model) {
    const Selection shown = args.has("--experts") ? with_experts(selection, model) : selection;
    if (!selection.everything() && !finds_something(shown, model))
        throw Error(ErrorKind::usage, {model.name()},
                    fmt::format("{}: the model has nothing of this kind", selection_in_words(args)));
    for (const Requirement& wanted : requirements) refuse_empty(wanted, model);
}

}  // namespace ggufmap::residency
