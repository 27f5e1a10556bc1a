// The bytes that belong to no tensor: padding is zero in what llama.cpp writes, and what is not may be
// hidden.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "detail/check_rules.hpp"
#include "ggufmap/layout.hpp"

namespace ggufmap::detail {
namespace {

constexpr std::size_t buffer_bytes = 64 * 1024;

/// Where the first byte that is not zero lies.
std::optional<std::uint64_t> first_non_zero(const File& file, Range range, std::vector<std::byte>& buffer) {
    while (!range.empty()) {
        const std::span<std::byte> piece(buffer.data(), std::min<std::uint64_t>(range.size, buffer.size()));
        file.read_exactly(range.offset, piece);
        const auto at =
            std::find_if(piece.begin(), piece.end(), [](std::byte b) { return b != std::byte{0}; });
        if (at != piece.end()) return range.offset + static_cast<std::uint64_t>(at - piece.begin());
        range = {range.offset + piece.size(), range.size - piece.size()};
    }
    return std::nullopt;
}

}  // namespace

void check_padding(const Model& model, Findings& findings) {
    std::vector<std::byte> buffer(buffer_bytes);
    for (const Shard& shard : model.shards()) {
        const FileSource no_readahead(shard.file);  // the paddings of a cold file lie a tensor apart
        for_each_region(shard, [&](const Region& region) {
            if (region.kind != Region::Kind::padding) return;
            const auto found = first_non_zero(shard.file, region.range, buffer);
            if (!found) return;
            findings.warning("padding", [&] {
                return Findings::Told{
                    {shard.file.name(), {}, *found},
                    fmt::format("the {} bytes of padding are not all zero", region.range.size)};
            });
        });
    }
}

}  // namespace ggufmap::detail
