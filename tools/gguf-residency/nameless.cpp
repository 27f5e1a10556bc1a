#include "gguf-residency/nameless.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "ggufmap/error.hpp"

namespace ggufmap::residency {
namespace {

std::string canonical(const std::string& path) {
    std::error_code none;
    return std::filesystem::weakly_canonical(std::filesystem::absolute(path, none), none);
}

bool has_name(const std::string& path) {
    std::error_code none;
    return std::filesystem::symlink_status(canonical(path), none).type() !=
           std::filesystem::file_type::not_found;
}

std::vector<std::string> paths_of(const std::string& path) {
    const auto shard = parse_shard_name(path);
    if (!shard) return {path};
    std::vector<std::string> paths;
    for (std::uint32_t number = 1; number <= shard->count; ++number)
        paths.push_back(shard_path(shard->prefix, number, shard->count));
    return paths;
}

// Of the file that once was at `path`; nothing where nobody maps it.
const MappedModel* mapped_once(const std::vector<MappedModel>& models, const std::string& path) {
    const auto model =
        std::find_if(models.begin(), models.end(), [path = canonical(path)](const MappedModel& candidate) {
            return candidate.deleted && candidate.path == path;
        });
    return model == models.end() ? nullptr : &*model;
}

File open_through(const Mapper& mapper, const std::string& path) {
    const MappedArea& area = mapper.areas.front();
    const std::string link =
        fmt::format("/proc/{}/map_files/{:x}-{:x}", mapper.pid, area.address, area.address + area.range.size);
    Fd fd(::open(link.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd)
        throw io_error({path}, fmt::format("is deleted; cannot open it through process {}", mapper.pid),
                       errno);
    return File::adopt(std::move(fd), path);
}

}  // namespace

std::vector<File> files_without_name(const std::string& name, const Places& places,
                                     const ProcessTable& processes) {
    const std::vector<std::string> paths = paths_of(resolve_model(name, places));
    if (std::all_of(paths.begin(), paths.end(), has_name)) return {};
    const std::vector<MappedModel> mapped = processes.mapped_models({}).models;
    const auto is_mapped = [&](const std::string& path) {
        return !has_name(path) && mapped_once(mapped, path) != nullptr;
    };
    if (std::none_of(paths.begin(), paths.end(), is_mapped)) return {};
    std::vector<File> files;
    for (const std::string& path : paths) {
        if (has_name(path)) {
            files.push_back(File::open(path));
        } else if (const MappedModel* model = mapped_once(mapped, path)) {
            files.push_back(open_through(model->mappers.front(), path));
        } else {
            throw Error(ErrorKind::mismatch, {path}, "the shard is missing, and no process maps it");
        }
    }
    return files;
}

}  // namespace ggufmap::residency
