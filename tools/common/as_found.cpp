#include "common/as_found.hpp"

#include <fcntl.h>

#include "ggufmap/error.hpp"

namespace ggufmap::cli {
namespace {

// Real headers reach about 30 MB.
constexpr std::uint64_t looked_at = 64 << 20;
// The parser reads ahead of itself in steps of at most this size.
constexpr std::uint64_t read_step = 1 << 20;

std::vector<std::string> files_of(const std::string& path) {
    const auto shard = parse_shard_name(path);
    if (!shard) return {path};
    std::vector<std::string> files;
    for (std::uint32_t number = 1; number <= shard->count; ++number)
        files.push_back(shard_path(shard->prefix, number, shard->count));
    return files;
}

}  // namespace

AsFound::AsFound(const PageCache& cache, const std::string& name, const Places& places) {
    try {
        for (const std::string& path : files_of(resolve_model(name, places)))
            remember(cache, File::open(path));
    } catch (const Error&) {
        // Model::open meets the same trouble and says so.
    }
}

AsFound::AsFound(const PageCache& cache, std::span<const File> files) {
    for (const File& file : files) remember(cache, file);
}

void AsFound::remember(const PageCache& cache, const File& file) {
    const auto map = cache.map(file, {0, looked_at});
    if (map) starts_.push_back({file.identity(), map->stretches(false)});
}

void AsFound::restore(const Model& model) const {
    for (const Shard& shard : model.shards()) {
        const Range read{0, shard.gguf.header().size() + read_step};
        for (const Start& start : starts_) {
            if (!start.file.same_file(shard.file.identity())) continue;
            for (const Range absent : start.absent) {
                const Range brought_in = intersection(absent, page_cover(read, page_size()));
                if (brought_in.empty()) continue;
                ::posix_fadvise(shard.file.fd(), static_cast<off_t>(brought_in.offset),
                                static_cast<off_t>(brought_in.size), POSIX_FADV_DONTNEED);
            }
        }
    }
}

}  // namespace ggufmap::cli
