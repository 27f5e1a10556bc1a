// Where a model is cut, and what the headers of its shards say.
#include "ggufmap/shard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "detail/restorable.hpp"
#include "detail/split_keys.hpp"
#include "ggufmap/checked.hpp"
#include "ggufmap/digest.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/layout.hpp"
#include "ggufmap/write.hpp"

namespace ggufmap {
namespace {

constexpr std::uint64_t most_shards = std::numeric_limits<std::uint16_t>::max();  // split.count is a u16
constexpr std::uint64_t most_pieces = 99999;                                      // five digits

/// Tensors [first, last) of the model.
struct Cut {
    std::size_t first;
    std::size_t last;
};

class Planner {
public:
    Planner(const Model& model, const ShardOptions& options)
        : gguf_(model.head()), file_(model.shards()[0].file), options_(options) {
        for (const KeyValue& entry : gguf_.metadata())
            metadata_size_ += entry.where.size - entry.key.size() + detail::key_in_shard(entry.key).size();
    }

    ShardPlan plan(const std::string& prefix);

private:
    std::vector<Cut> cuts() const;
    bool belongs_apart(const Tensor& a, const Tensor& b) const;
    /// Data of these tensors with their padding, in the file.
    Range data_of(Cut cut) const;
    std::uint64_t header_size(Cut cut, std::uint64_t infos) const;
    std::uint64_t data_offset(std::uint64_t header) const {
        return *checked::align_up(header, gguf_.alignment());
    }
    /// Bytes of zeros for the padding key; nothing where none is needed.
    std::optional<std::uint64_t> padding(Cut cut, std::uint64_t header) const;
    std::uint64_t size_of(Cut cut, std::uint64_t infos) const;
    std::string header(Cut cut, std::uint16_t number, std::uint16_t count) const;
    /// A file without tensors that ends right behind its infos; its only shard has to, too.
    bool ends_unpadded() const { return gguf_.tensors().empty() && file_.size() < gguf_.data_offset(); }

    const Gguf& gguf_;
    const File& file_;
    const ShardOptions& options_;
    std::uint64_t metadata_size_ = 0;
};

bool Planner::belongs_apart(const Tensor& a, const Tensor& b) const {
    if (options_.by == ShardBy::any) return false;
    const Role one = role_of(a.name);
    const Role other = role_of(b.name);
    if (one.layer != other.layer || one.stack != other.stack) return true;
    return options_.by == ShardBy::expert_layer && one.stacked_experts != other.stacked_experts;
}

Range Planner::data_of(Cut cut) const {
    const auto& tensors = gguf_.tensors();
    if (cut.first == cut.last) return {gguf_.data_offset(), 0};
    const std::uint64_t begin = gguf_.data_offset() + tensors[cut.first].offset;
    const std::uint64_t end =
        cut.last < tensors.size() ? gguf_.data_offset() + tensors[cut.last].offset : file_.size();
    return {begin, end - begin};
}

std::uint64_t Planner::header_size(Cut cut, std::uint64_t infos) const {
    std::uint64_t size = HeaderWriter::preamble_size + detail::split_keys_size + infos;
    if (cut.first == 0) return size + metadata_size_;
    if (gguf_.alignment() != detail::default_alignment) size += detail::alignment_key_size;
    return size;
}

std::optional<std::uint64_t> Planner::padding(Cut cut, std::uint64_t header) const {
    if (ends_unpadded()) {
        // A header that happens to end on the alignment would look padded.
        if (header % gguf_.alignment() != 0) return std::nullopt;
        return (header + detail::padding_key_size) % gguf_.alignment() != 0 ? 0 : 1;
    }
    const std::uint64_t block = options_.congruent_block;
    const Range data = data_of(cut);
    if (block == 0 || data.size < options_.congruent_from ||
        data_offset(header) % block == data.offset % block)
        return std::nullopt;
    // Unsigned difference: right modulo a power of two, also where it wraps. A multiple of the alignment, or
    // both sides are 0 modulo the block.
    return (data.offset - data_offset(header + detail::padding_key_size)) % block;
}

std::uint64_t Planner::size_of(Cut cut, std::uint64_t infos) const {
    std::uint64_t size = header_size(cut, infos);
    if (const auto pad = padding(cut, size)) size += detail::padding_key_size + *pad;
    return ends_unpadded() ? size : data_offset(size) + data_of(cut).size;
}

std::vector<Cut> Planner::cuts() const {
    const auto& tensors = gguf_.tensors();
    std::vector<Cut> cuts;
    Cut cut{0, 0};
    std::uint64_t infos = 0;
    const auto close = [&] {
        cuts.push_back(cut);
        cut.first = cut.last;
        infos = 0;
    };
    if (options_.header_first && !tensors.empty()) close();
    for (const Tensor& tensor : tensors) {
        const bool full = options_.tensors && cut.last - cut.first == *options_.tensors;
        const bool over =
            options_.size && size_of({cut.first, cut.last + 1}, infos + tensor.where.size) > *options_.size;
        const bool apart = cut.first < cut.last && belongs_apart(tensors[cut.last - 1], tensor);
        if (cut.first < cut.last && (full || over || apart)) close();
        ++cut.last;
        infos += tensor.where.size;
    }
    close();
    return cuts;
}

std::string Planner::header(Cut cut, std::uint16_t number, std::uint16_t count) const {
    const auto& tensors = gguf_.tensors();
    HeaderWriter writer;
    if (number == 0) {
        for (const KeyValue& entry : gguf_.metadata())
            writer.add(detail::key_in_shard(entry.key), entry.value);
    } else {
        detail::add_alignment_key(writer, gguf_.alignment());
    }
    detail::add_split_keys(writer, number, count, tensors.size());
    std::uint64_t infos = 0;
    for (std::size_t i = cut.first; i < cut.last; ++i) infos += tensors[i].where.size;
    if (const auto pad = padding(cut, header_size(cut, infos))) detail::add_padding_key(writer, *pad);
    for (std::size_t i = cut.first; i < cut.last; ++i)
        writer.add_tensor(tensors[i].name, tensors[i].dimensions(), tensors[i].type,
                          tensors[i].offset - tensors[cut.first].offset);
    return writer.bytes();
}

ShardPlan Planner::plan(const std::string& prefix) {
    const std::vector<Cut> all = cuts();
    if (all.size() > most_shards)
        throw Error(ErrorKind::usage, {file_.name()},
                    fmt::format("{} shards are wanted, at most {} can be numbered", all.size(), most_shards));
    const auto count = static_cast<std::uint16_t>(all.size());
    ShardPlan plan{&file_, prefix, {0, gguf_.data_offset()}, {}};
    if (ends_unpadded()) plan.head.size = file_.size();
    for (std::uint16_t number = 0; number < count; ++number) {
        const Cut cut = all[number];
        PlannedShard shard;
        shard.name = shard_path(split_path(prefix).name, number + 1U, count);
        shard.tensors = cut.last - cut.first;
        shard.data = data_of(cut);
        std::string bytes = header(cut, number, count);
        detail::require_readable(bytes, file_.name(),
                                 "GGUF shards could not be read, raw pieces (--raw) can");
        const std::uint64_t end = ends_unpadded() ? bytes.size() : data_offset(bytes.size());
        const std::uint64_t zeros = end - bytes.size();
        shard.size = end + shard.data.size;
        shard.pieces.push_back(Piece::given(std::move(bytes)));
        // Not in the text: with an alignment of 1 MiB the headers of a set would fill the memory.
        if (zeros > 0) shard.pieces.push_back(Piece::zeros(zeros));
        if (!shard.data.empty()) shard.pieces.push_back(Piece::of(file_, shard.data));
        shard.oversized = options_.size && shard.size > *options_.size;
        plan.shards.push_back(std::move(shard));
    }
    return plan;
}

// The checksum list has a line for a name.
void require_listable(const std::string& prefix) {
    if (prefix.find('\n') != prefix.npos)
        throw Error(ErrorKind::usage, {prefix}, "a line break in the names of shards: choose another prefix");
}

}  // namespace

std::uint64_t ShardPlan::bytes() const {
    std::uint64_t sum = 0;
    for (const PlannedShard& shard : shards) sum += shard.size;
    return sum;
}

std::string ShardPlan::fingerprint() const {
    std::string text = fmt::format("{} {}\n", source->size(), head.size);
    for (const PlannedShard& shard : shards)
        text += fmt::format("{} {} {} {}\n", shard.name, shard.size, shard.data.offset, shard.data.size);
    return digest_hex(DigestKind::xxh3_128, as_bytes(text));
}

ShardPlan plan_shards(const Model& model, const std::string& prefix, const ShardOptions& options) {
    if (options.size == 0 || options.tensors == 0)
        throw Error(ErrorKind::usage, {}, "a shard must be allowed at least one byte and one tensor");
    require_listable(prefix);
    if (model.shards().size() != 1)
        throw Error(ErrorKind::unsupported, {model.name()},
                    fmt::format("is a set of {} shards already: stitch it first", model.shards().size()));
    detail::require_restorable(model);
    return Planner(model, options).plan(prefix);
}

ShardPlan plan_raw_pieces(const File& file, const std::string& prefix, std::uint64_t size) {
    if (size == 0) throw Error(ErrorKind::usage, {}, "a piece must be allowed at least one byte");
    require_listable(prefix);
    const std::uint64_t count = std::max<std::uint64_t>(1, file.size() / size + (file.size() % size != 0));
    if (count > most_pieces)
        throw Error(ErrorKind::usage, {file.name()},
                    fmt::format("{} pieces are wanted, at most {} can be numbered", count, most_pieces));
    ShardPlan plan{&file, prefix, {}, {}};
    for (std::uint64_t i = 0; i < count; ++i) {
        const Range data{i * size, std::min(size, file.size() - i * size)};
        PlannedShard piece;
        piece.name = fmt::format("{}-{:05}-of-{:05}.part", split_path(prefix).name, i + 1, count);
        piece.size = data.size;
        piece.data = data;
        piece.pieces.push_back(Piece::of(file, data));
        plan.shards.push_back(std::move(piece));
    }
    return plan;
}

}  // namespace ggufmap
