#include "ggufmap/name_index.hpp"

#include <xxhash.h>

namespace ggufmap {
namespace {

std::uint64_t hash_of(std::string_view name) { return XXH3_64bits(name.data(), name.size()); }

}  // namespace

NameIndex::NameIndex(std::uint32_t count, const NameOf& name_of) {
    entries_.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) entries_.push_back({hash_of(name_of(i)), i});
    std::sort(entries_.begin(), entries_.end(), [&](const Entry& a, const Entry& b) {
        if (a.hash != b.hash) return a.hash < b.hash;
        if (a.index == b.index) return false;
        const int order = name_of(a.index).compare(name_of(b.index));
        return order != 0 ? order < 0 : a.index < b.index;
    });
}

std::optional<std::uint32_t> NameIndex::find(std::string_view name, const NameOf& name_of) const {
    const std::uint64_t hash = hash_of(name);
    const auto at =
        std::lower_bound(entries_.begin(), entries_.end(), hash, [&](const Entry& entry, std::uint64_t h) {
            return entry.hash < h || (entry.hash == h && name_of(entry.index) < name);
        });
    if (at == entries_.end() || at->hash != hash || name_of(at->index) != name) return std::nullopt;
    return at->index;
}

std::optional<std::uint32_t> NameIndex::duplicate(const NameOf& name_of) const {
    std::optional<std::uint32_t> first;
    for (std::size_t i = 1; i < entries_.size(); ++i) {
        const Entry& before = entries_[i - 1];
        const Entry& here = entries_[i];
        if (before.hash != here.hash || name_of(before.index) != name_of(here.index)) continue;
        if (!first || here.index < *first) first = here.index;
    }
    return first;
}

}  // namespace ggufmap
