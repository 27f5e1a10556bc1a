// Finds names among many without keeping them. Sorted hashes instead of a hash table: 8 bytes a name, and
// names chosen to collide cost no more than a sort.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "ggufmap/export.hpp"

namespace ggufmap {

class GGUFMAP_API NameIndex {
public:
    using NameOf = std::function<std::string_view(std::uint32_t)>;

    NameIndex() = default;
    /// Over name_of(0) ... name_of(count - 1). O(n log n).
    NameIndex(std::uint32_t count, const NameOf& name_of);

    /// The lowest index that bears the name. `name_of` is as it was when the index was made. O(log n).
    std::optional<std::uint32_t> find(std::string_view name, const NameOf& name_of) const;
    /// The second bearer of a name that occurs twice, the first one in file order; nothing where all differ.
    std::optional<std::uint32_t> duplicate(const NameOf& name_of) const;

private:
    struct Entry {
        std::uint32_t hash;  ///< of 100,000 names about one pair shares one: the names decide
        std::uint32_t index;
    };
    std::vector<Entry> entries_;  // by hash, then name, then index
};

}  // namespace ggufmap
