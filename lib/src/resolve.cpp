// From "shm:NAME" and "ollama:NAME[:TAG]" to paths.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "ggufmap/error.hpp"
#include "ggufmap/model.hpp"

namespace ggufmap {
namespace {

constexpr std::string_view shm_scheme = "shm:";
constexpr std::string_view ollama_scheme = "ollama:";
constexpr std::string_view model_layer = "application/vnd.ollama.image.model";
constexpr std::uint64_t manifest_limit = 1 << 20;  // real ones have about 1 KiB

bool plain_component(std::string_view name) {
    return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
           name.find('\0') == std::string_view::npos;
}

std::string resolve_shared_memory(const std::string& name, const Places& places) {
    std::string_view object = std::string_view(name).substr(shm_scheme.size());
    if (object.starts_with('/')) object.remove_prefix(1);  // shm_open(3) names start with a slash
    if (!plain_component(object) || object.size() > 255)
        throw Error(ErrorKind::usage, {name}, "not the name of a shared-memory object");
    return fmt::format("{}/{}", places.shared_memory, object);
}

// host/namespace/model:tag with the parts that people leave out: registry.ollama.ai/library/MODEL:latest.
std::string ollama_manifest_path(const std::string& name, const Places& places) {
    std::string rest = name.substr(ollama_scheme.size());
    std::string tag = "latest";
    const auto colon = rest.rfind(':');
    if (colon != std::string::npos && rest.find('/', colon) == std::string::npos) {
        tag = rest.substr(colon + 1);
        rest.resize(colon);
    }
    std::vector<std::string> parts;
    for (std::size_t from = 0; from <= rest.size();) {
        const std::size_t slash = std::min(rest.find('/', from), rest.size());
        parts.push_back(rest.substr(from, slash - from));
        from = slash + 1;
    }
    if (parts.size() == 1) parts.insert(parts.begin(), "library");
    if (parts.size() == 2) parts.insert(parts.begin(), "registry.ollama.ai");
    parts.push_back(tag);
    if (parts.size() != 4 || !std::all_of(parts.begin(), parts.end(), plain_component))
        throw Error(ErrorKind::usage, {name},
                    "not an Ollama model name, wanted [HOST/][NAMESPACE/]MODEL[:TAG]");
    return fmt::format("{}/manifests/{}", places.ollama_models, fmt::join(parts, "/"));
}

// "" for whatever is no object with a string of that name.
std::string text_of(const nlohmann::json& object, const char* key) {
    if (!object.is_object() || !object.contains(key) || !object[key].is_string()) return {};
    return object[key].get<std::string>();
}

std::string resolve_ollama(const std::string& name, const Places& places) {
    if (places.ollama_models.empty())
        throw Error(ErrorKind::usage, {name}, "no Ollama model folder is known");
    const std::string manifest = ollama_manifest_path(name, places);
    if (::access(manifest.c_str(), F_OK) != 0 && errno == ENOENT)
        throw Error(ErrorKind::io, {name}, fmt::format("Ollama has no such model: no file {}", manifest),
                    ENOENT);
    const File file = File::open(manifest);
    if (file.size() > manifest_limit)
        throw Error(ErrorKind::limit, {file.name()}, "too large for an Ollama manifest");
    std::vector<std::byte> bytes(file.size());
    file.read_exactly(0, bytes);
    const auto json = nlohmann::json::parse(as_text(bytes), nullptr, false);
    const auto malformed = [&](const char* reason) {
        return Error(ErrorKind::malformed, {file.name()}, reason);
    };
    if (!json.is_object() || !json.contains("layers") || !json["layers"].is_array())
        throw malformed("not an Ollama manifest: no list of layers");
    for (const auto& layer : json["layers"]) {
        if (text_of(layer, "mediaType") != model_layer) continue;
        std::string digest = text_of(layer, "digest");
        const bool well_formed = digest.size() == 7 + 64 && digest.starts_with("sha256:") &&
                                 digest.find_first_not_of("0123456789abcdef", 7) == std::string::npos;
        if (!well_formed) throw malformed("the model layer's digest is not of the form sha256:HEX");
        digest[6] = '-';
        return fmt::format("{}/blobs/{}", places.ollama_models, digest);
    }
    throw malformed("no model layer: the model lives elsewhere (a cloud model, perhaps)");
}

}  // namespace

std::string resolve_model(const std::string& name, const Places& places) {
    if (name.starts_with(shm_scheme)) return resolve_shared_memory(name, places);
    if (name.starts_with(ollama_scheme)) return resolve_ollama(name, places);
    if (name.empty()) throw Error(ErrorKind::usage, {}, "the name of a model is empty");
    if (name == "-")
        throw Error(ErrorKind::usage, {name},
                    "a pipe will not do here: give a file (one of that name as ./-)");
    return name;
}

}  // namespace ggufmap
