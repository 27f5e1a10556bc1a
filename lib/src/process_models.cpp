// GGUF files that processes map, whichever they are.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <utility>

#include "detail/address_space.hpp"
#include "detail/maps.hpp"
#include "detail/memory_files.hpp"
#include "detail/overlay.hpp"
#include "detail/process_folder.hpp"
#include "detail/shared_memory_of.hpp"
#include "detail/sight.hpp"
#include "ggufmap/process.hpp"

namespace ggufmap {
namespace {

using detail::AddressSpace;
using detail::FileStretch;

// Models of runtimes that name their files by digest are large; what is smaller is hardly worth an open().
constexpr std::uint64_t worth_a_look = 1 << 20;

constexpr std::string_view magic = "GGUF";

// Of a regular file with that inode, without waiting for the disk.
bool begins_like_gguf(const std::string& path, std::uint64_t inode) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_ino != inode)
        return false;
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file) return false;
    std::array<char, magic.size()> bytes{};
    const iovec part{bytes.data(), bytes.size()};
    return ::preadv2(file.get(), &part, 1, 0, RWF_NOWAIT) == static_cast<ssize_t>(bytes.size()) &&
           std::string_view(bytes.data(), bytes.size()) == magic;
}

class ModelFinder {
public:
    explicit ModelFinder(std::span<const MapsIdentity> known) {
        for (const MapsIdentity& one : known) {
            places_.emplace(Key(one.device, one.inode), no_model);
            if (one.below) places_.emplace(*one.below, no_model);
        }
    }

    /// What `space` maps of each model.
    std::map<std::size_t, std::vector<MappedArea>> in(AddressSpace& space) {
        std::map<std::size_t, std::vector<MappedArea>> areas;
        while (const auto stretch = space.next()) {
            const std::size_t model = model_of(*stretch, space);
            if (model == no_model) continue;
            areas[model].push_back({.file = 0,
                                    .address = stretch->begin,
                                    .range = {stretch->offset, stretch->end - stretch->begin},
                                    .shared = stretch->shared,
                                    .writable = stretch->writable,
                                    .deleted = models[model].deleted,
                                    .path = models[model].path});
        }
        return areas;
    }

    std::vector<MappedModel> models;

private:
    using Key = std::pair<std::uint64_t, std::uint64_t>;  // device and inode
    static constexpr std::size_t no_model = SIZE_MAX;

    // Each file is looked at once, whatever number of processes map it.
    std::size_t model_of(const FileStretch& stretch, const AddressSpace& space) {
        const auto [place, added] = places_.try_emplace(Key(stretch.device, stretch.inode), no_model);
        if (!added) return place->second;
        const std::string path = space.path();
        const auto deleted = detail::deleted_name(space.folder(), stretch.inode, path);
        const std::string name = deleted.value_or(path);
        // Through that process: it may live in another mount namespace, and a deleted file has no other way.
        const std::string& folder = space.folder();
        const std::string link = fmt::format("{}/map_files/{:x}-{:x}", folder, stretch.begin, stretch.end);
        const bool is_model =
            name.ends_with(".gguf") || (stretch.end - stretch.begin >= worth_a_look &&
                                        (begins_like_gguf(link, stretch.inode) ||
                                         begins_like_gguf(folder + "/root" + name, stretch.inode)));
        if (!is_model) return no_model;
        if (const auto below = detail::below_overlay(folder, stretch.device, name)) {
            const auto known = places_.find(*below);  // a model that was asked for, or met before
            if (known != places_.end()) return place->second = known->second;
            places_.emplace(*below, models.size());
        }
        place->second = models.size();
        models.push_back({.path = name,
                          .deleted = deleted.has_value(),
                          .mappers = {},
                          .memory_only = detail::is_memory(folder, link, stretch.device, name)});
        return place->second;
    }

    std::map<Key, std::size_t> places_;  // index into models, or no_model
};

}  // namespace

MappingCost MappedModel::cost() const {
    MappingCost sum;
    for (const Mapper& mapper : mappers) {
        if (mapper.memory_of == 0) sum += mapper.cost.value_or(MappingCost{});
    }
    return sum;
}

ModelScan KernelProcessTable::mapped_models(std::span<const MapsIdentity> known) const {
    ModelScan scan;
    ModelFinder finder(known);
    const int self = detail::self_in(roots_.proc);
    const auto way = allow_ == Allow::everything ? AddressSpace::Way::query : AddressSpace::Way::text;
    detail::for_each_number(roots_.proc, [&](int pid) {
        if (pid == self) return;
        AddressSpace space(roots_.proc + "/" + std::to_string(pid), way);
        if (!space) {
            if (detail::refused()) ++scan.not_permitted;
            return;
        }
        for (auto& [model, areas] : finder.in(space)) {
            auto mapper = detail::mapper_in(space.folder(), pid, std::move(areas), Detail::costs);
            if (mapper) finder.models[model].mappers.push_back(std::move(*mapper));
        }
    });
    scan.models = std::move(finder.models);
    std::erase_if(scan.models, [](const MappedModel& model) { return model.mappers.empty(); });
    for (MappedModel& model : scan.models) {
        std::sort(model.mappers.begin(), model.mappers.end(),
                  [](const Mapper& a, const Mapper& b) { return a.pid < b.pid; });
        detail::mark_shared_memory(roots_.proc, model.mappers);
        detail::share_out(model.mappers);
        model.locked = locked_once(*this, model.mappers);
    }
    std::sort(scan.models.begin(), scan.models.end(),
              [](const MappedModel& a, const MappedModel& b) { return a.path < b.path; });
    detail::judge_sight(roots_.proc, scan);
    return scan;
}

}  // namespace ggufmap
