#include <algorithm>
#include <array>

#include "ggufmap/process.hpp"

namespace ggufmap {
namespace {

// The 64 hex digits that engines name containers by are shown as people know them: the first 12.
std::string short_id(std::string_view name) {
    constexpr std::string_view hex = "0123456789abcdef";
    const std::size_t digits = std::min(name.find_first_not_of(hex), name.size());
    return digits >= 12 ? std::string(name.substr(0, 12)) : std::string();
}

struct Engine {
    std::string_view mark;  // stands before the container's id in a path
    std::string_view name;
};
// Docker and containerd with either cgroup driver, Podman, and what Kubernetes nodes show.
constexpr std::array<Engine, 7> engines = {{{"cri-containerd-", "kubernetes"},
                                            {"crio-", "kubernetes"},
                                            {"docker-", "docker"},
                                            {"/docker/", "docker"},
                                            {"libpod-", "podman"},
                                            {"/libpod_parent/", "podman"},
                                            {"nerdctl-", "containerd"}}};

std::string_view last_component(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

std::string container_of(std::string_view path) {
    for (const Engine& engine : engines) {
        const auto at = path.rfind(engine.mark);
        if (at == std::string_view::npos) continue;
        const std::string id = short_id(path.substr(at + engine.mark.size()));
        if (!id.empty()) return std::string(engine.name) + " " + id;
    }
    if (path.find("/kubepods") != std::string_view::npos) {
        const std::string id = short_id(last_component(path));
        if (!id.empty()) return "kubernetes " + id;
    }
    for (const std::string_view mark : {"/lxc.payload.", "/lxc/"}) {
        const auto at = path.find(mark);
        if (at == std::string_view::npos) continue;
        const std::string_view name = path.substr(at + mark.size());
        return "lxc " + std::string(name.substr(0, name.find('/')));
    }
    // The innermost service or scope of systemd.
    for (std::string_view rest = path; !rest.empty(); rest = rest.substr(0, rest.rfind('/'))) {
        const std::string_view name = last_component(rest);
        if (name.ends_with(".service") || name.ends_with(".scope")) return "systemd " + std::string(name);
    }
    return "";
}

}  // namespace ggufmap
