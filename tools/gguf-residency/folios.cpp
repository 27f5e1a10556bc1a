#include "gguf-residency/folios.hpp"

#include <algorithm>
#include <chrono>

namespace ggufmap::residency {

std::optional<FolioSize> folio_size(double nanoseconds_a_page) {
    constexpr double large_below = 6;
    constexpr double single_above = 24;
    if (nanoseconds_a_page < large_below) return FolioSize::large;
    return nanoseconds_a_page > single_above ? std::optional(FolioSize::single) : std::nullopt;
}

void LongestWhole::add(const Portion& portion) {
    const bool whole = portion.bytes.resident == portion.bytes.total;
    if (whole && portion.bytes.total > where_.range.size) where_ = portion.where;
}

std::optional<double> time_a_page(const PageCache& cache, const Model& model, const LongestWhole& longest) {
    constexpr std::uint64_t least = 8 << 20;
    constexpr std::uint64_t most = 64 << 20;
    const ShardRange& where = longest.where();
    if (where.range.size < least) return std::nullopt;
    const File& file = model.shards()[where.shard].file;
    if (cache.method(file) != CacheMethod::cachestat) return std::nullopt;
    const Range sample{where.range.offset, std::min(where.range.size, most)};
    double best = 1e9;
    for (int attempt = 0; attempt < 3; ++attempt) {
        const auto begin = std::chrono::steady_clock::now();
        const CacheCounts pages = cache.query(file, sample);
        const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
        best = std::min(best, took.count() / static_cast<double>(pages.total));
    }
    return best;
}

std::string folio_remark(const PageCache& cache, const Model& model, const LongestWhole& longest) {
    const auto time = time_a_page(cache, model, longest);
    if (!time) return "";
    const auto size = folio_size(*time);
    if (!size) return "";
    return *size == FolioSize::large ? ", in large folios" : ", in single pages (see --why)";
}

}  // namespace ggufmap::residency
