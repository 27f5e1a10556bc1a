#include "gguf-residency/unknown.hpp"

#include <fmt/format.h>
#include <unistd.h>

namespace ggufmap::residency {

std::string why_unknown(const std::string& method, const File& file) {
    const CacheMethod best = KernelPageCache().method(file);
    if (best != CacheMethod::none && method != "auto")
        return fmt::format("--method {} tells nothing of this file, without it {} would", method,
                           name_of(best));
    // hugetlbfs does not tell which pages, only how many.
    if (best != CacheMethod::none) return "the file system does not tell which pages are there";
    return fmt::format("the kernel tells only who may write the file or owns it{}",
                       ::geteuid() == 0 ? "" : "; root would be told");
}

std::string first_unknown(const View& view, Models models) {
    for (const Model& model : models) {
        for (const Shard& shard : model.shards()) {
            if (view.cache.method(shard.file) != CacheMethod::none) continue;
            return fmt::format("{}: residency unknown: {}", model.name(),
                               why_unknown(view.args.text("--method").value_or("auto"), shard.file));
        }
    }
    return "";
}

}  // namespace ggufmap::residency
