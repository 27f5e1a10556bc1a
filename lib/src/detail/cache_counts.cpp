#include "detail/cache_counts.hpp"

#include <algorithm>
#include <array>

namespace ggufmap {
namespace {

using Counter = std::optional<std::uint64_t> CacheCounts::*;
constexpr std::array<Counter, 5> counters = {&CacheCounts::resident, &CacheCounts::dirty,
                                             &CacheCounts::writeback, &CacheCounts::evicted,
                                             &CacheCounts::recently_evicted};

}  // namespace

CacheCounts& CacheCounts::operator+=(const CacheCounts& other) {
    total += other.total;
    for (const Counter counter : counters) {
        if (this->*counter && other.*counter) {
            *(this->*counter) += *(other.*counter);
        } else {
            (this->*counter).reset();
        }
    }
    return *this;
}

namespace detail {

bool uniform(const CacheCounts& pages) {
    return std::all_of(counters.begin(), counters.end(), [&](Counter counter) {
        const auto value = (pages.*counter).value_or(0);
        return value == 0 || value == pages.total;
    });
}

CacheCounts spread(const CacheCounts& pages, std::uint64_t bytes) {
    CacheCounts result = pages;
    result.total = bytes;
    for (const Counter counter : counters) {
        if (result.*counter && *(result.*counter) != 0) *(result.*counter) = bytes;
    }
    return result;
}

CacheCounts scaled(CacheCounts pages, std::uint64_t bytes) {
    pages.total *= bytes;
    for (const Counter counter : counters) {
        if (pages.*counter) *(pages.*counter) *= bytes;
    }
    return pages;
}

}  // namespace detail
}  // namespace ggufmap
