// --require PCT[:SELECTION]: is enough resident?
#pragma once

#include <string>
#include <vector>

#include "gguf-residency/view.hpp"

namespace ggufmap::residency {

struct Requirement {
    double percent = 0;
    Selection selection;
    std::string text;  ///< as it was given

    /// Throws Error (usage).
    static Requirement parse(const std::string& text);
};

/// All of --require. Throws Error (usage).
std::vector<Requirement> requirements_from(const cli::Args& args);

/// Throws Error (usage) where it asks for what the model does not have: 95 % of nothing would always be met.
void refuse_empty(const Requirement& wanted, const Model& model);

/// Status::no, with a line on stderr for each, where one is not met by one of the models. What is unknown is
/// not met: Status::trouble.
cli::Status check_requirements(const View& view, Models models);

}  // namespace ggufmap::residency
