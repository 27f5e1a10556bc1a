#include "common/models.hpp"

#include <unistd.h>

namespace ggufmap::cli {
namespace {

constexpr const char* ollama_service_models = "/usr/share/ollama/.ollama/models";

}  // namespace

Places places_from(const Io& io) {
    Places places;
    const auto home = io.env("HOME");
    if (const auto models = io.env("OLLAMA_MODELS")) {
        places.ollama_models = *models;
    } else if (home && ::access((*home + "/.ollama/models").c_str(), F_OK) == 0) {
        places.ollama_models = *home + "/.ollama/models";
    } else {
        places.ollama_models = ollama_service_models;
    }
    return places;
}

Selection selection_from(const Args& args) {
    Selection selection;
    for (const std::string& glob : args.all("--tensor")) selection.add_tensor(glob);
    for (const std::string& numbers : args.all("--layer")) selection.add_layers(numbers);
    for (const std::string& parts : args.all("--part")) selection.add_parts(parts);
    for (const std::string& numbers : args.all("--expert")) selection.add_experts(numbers);
    return selection;
}

}  // namespace ggufmap::cli
