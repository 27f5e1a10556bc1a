// Lists of ranges as text: the hot list that gguf-residency --ranges writes and --ranges FILE reads back.
//
//     # ggufmap-ranges 1
//     # model m8g.gguf
//     # shard 1 size 8536799328 header xxh3_64:0123456789abcdef
//     0 3866624
//     4096000 65536
//
// One "offset length" in decimal a line, in bytes of the file. Lines with '#' are comments to any other
// program; to this one they name model and shards: the ranges that follow a shard line lie in that file. A
// list without a shard line is about the first file of any model.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ggufmap/export.hpp"
#include "ggufmap/model.hpp"
#include "ggufmap/select.hpp"

namespace ggufmap {

class GGUFMAP_API HotList {
public:
    /// What tells whether a list belongs to a file.
    struct ShardId {
        std::uint32_t shard = 0;    ///< from 0 (in the text from 1)
        std::uint64_t size = 0;     ///< of the file, bytes
        std::string header_digest;  ///< 16 hex digits: XXH3-64 of the header bytes
        bool operator==(const ShardId&) const = default;
    };

    /// Names the model and the digests of its headers.
    static HotList of(const Model& model, std::vector<ShardRange> ranges);
    /// Throws Error (malformed) naming `name` and the line.
    static HotList parse(std::string_view text, const std::string& name);
    /// The text, piece by piece.
    void write(const std::function<void(std::string_view)>& sink) const;

    const std::string& model_name() const { return model_name_; }
    const std::vector<ShardId>& shards() const { return shards_; }
    /// Sorted, disjoint.
    const std::vector<ShardRange>& ranges() const { return ranges_; }

    /// Throws Error (mismatch) where the list was made for another model: other number of files, size, or
    /// header; and where a range reaches beyond the end of its file.
    void require_match(const Model& model) const;

private:
    std::string model_name_;
    std::vector<ShardId> shards_;
    std::vector<ShardRange> ranges_;
};

}  // namespace ggufmap
