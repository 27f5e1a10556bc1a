#include "ggufmap/shard_stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "detail/raw_names.hpp"
#include "detail/split_keys.hpp"
#include "ggufmap/checked.hpp"
#include "ggufmap/digest.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/write.hpp"

namespace ggufmap {
namespace {

constexpr std::size_t chunk = 256 << 10;
constexpr std::uint64_t list_limit = 32ULL << 20;  // as read_checksums() has it

/// One file of a stream: hashes all that is read and keeps what parse() reads beyond the header.
class Entry final : public ByteSource {
public:
    Entry(ByteSource& content, const std::string& name, std::uint64_t size)
        : content_(content), name_(name), left_(size), size_(size) {}

    std::size_t read(std::span<std::byte> out) override {
        const std::size_t got = content_.read(out.first(std::min<std::uint64_t>(out.size(), left_)));
        if (got == 0 && left_ > 0 && !out.empty())
            throw Error(ErrorKind::malformed, {name_},
                        fmt::format("the stream ends, {} bytes are missing", left_));
        left_ -= got;
        digest_.update(out.first(got));
        if (keeping_) kept_.insert(kept_.end(), out.begin(), out.begin() + static_cast<std::ptrdiff_t>(got));
        return got;
    }
    std::optional<std::uint64_t> size() const override { return size_; }
    const std::string& name() const override { return name_; }

    /// Ends the keeping; what was read from `offset` on.
    std::vector<std::byte> kept_from(std::uint64_t offset) {
        keeping_ = false;
        const auto skip = static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(offset, kept_.size()));
        return {kept_.begin() + skip, kept_.end()};
    }
    std::uint64_t left() const { return left_; }
    std::string hex() { return digest_.hex(); }

private:
    ByteSource& content_;
    std::string name_;
    std::uint64_t left_;
    std::uint64_t size_;
    bool keeping_ = true;
    std::vector<std::byte> kept_;
    Digest digest_{DigestKind::xxh3_128};
};

}  // namespace

StreamLayout stream_layout(const ShardPlan& plan) { return {plan.head.size, plan.source->size()}; }

ShardResult send(const ShardPlan& plan, bool checksums, ShardStream& stream, Progress& progress) {
    Copier copier(Reflink::never, progress);
    Digest original(DigestKind::xxh3_128);
    ShardResult result;
    if (checksums) {
        NullSink nowhere;
        const Piece head = Piece::of(*plan.source, plan.head);
        copier.copy({&head, 1}, nowhere, 0, [&](const Piece&, Bytes bytes) { original.update(bytes); });
    }
    for (const PlannedShard& shard : plan.shards) {
        Digest digest(DigestKind::xxh3_128);
        stream.begin(shard.name, shard.size);
        copier.copy(shard.pieces, stream, 0, [&](const Piece& piece, Bytes bytes) {
            if (checksums) digest.update(bytes, piece.source != nullptr ? &original : nullptr);
        });
        stream.end();
        if (checksums) result.checksums.push_back({shard.name, digest.hex()});
    }
    plan.source->check_unchanged();
    if (!checksums) return result;
    result.checksums.push_back({split_path(plan.source->name()).name, original.hex(), true});
    const std::string list = format_checksums(result.checksums);
    stream.begin(split_path(plan.prefix).name + std::string(checksum_suffix), list.size());
    stream.write(0, as_bytes(list));
    stream.end();
    return result;
}

struct StreamStitcher::State {
    Sink& output;
    std::string stream;
    StreamLayout layout;
    Progress& progress;
    std::uint64_t position;  // of the next data in the output
    std::vector<Gguf> shards;
    std::vector<Checksum> found;
    std::vector<Checksum> listed;
    std::vector<std::byte> buffer = std::vector<std::byte>(chunk);

    void copy_rest(Entry& entry, std::uint64_t skip);
    void write(Bytes bytes);
    void add_shard(Entry& entry);
    void add_piece(Entry& entry);
    void check_place(const Gguf& shard, const Entry& entry) const;
    void write_header();
    std::vector<std::string> check_list() const;
};

void StreamStitcher::State::write(Bytes bytes) {
    if (progress.stop_requested()) throw Error(ErrorKind::io, {}, "interrupted", EINTR);
    if (bytes.size() > layout.size - position)
        throw Error(ErrorKind::mismatch, {stream}, "has more data than it announced");
    output.write(position, bytes);
    position += bytes.size();
    progress.add(bytes.size());
}

void StreamStitcher::State::copy_rest(Entry& entry, std::uint64_t skip) {
    while (entry.left() > 0) {
        const std::size_t got = entry.read(buffer);
        const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(skip, got));
        skip -= skipped;
        write(Bytes(buffer).subspan(skipped, got - skipped));
    }
}

void StreamStitcher::State::check_place(const Gguf& shard, const Entry& entry) const {
    const auto number = shard.unsigned_of("split.no");
    if (number != shards.size())
        throw Error(ErrorKind::mismatch, {entry.name()},
                    fmt::format("is not shard {}, which has to come next", shards.size() + 1));
    if (!shards.empty() && shard.alignment() != shards.front().alignment())
        throw Error(ErrorKind::unsupported, {entry.name()},
                    "is aligned otherwise than the first shard: unpack the stream first");
    std::uint64_t expected = 0;
    for (const Tensor& tensor : shard.tensors()) {
        if (tensor.offset != expected || !tensor.bytes)
            throw Error(ErrorKind::malformed, {entry.name(), fmt::format("tensor '{}'", tensor.name)},
                        "the shard's tensors overlap or leave gaps");
        const auto end = checked::add(tensor.offset, *tensor.bytes);
        expected = end ? checked::align_up(*end, shard.alignment()).value_or(UINT64_MAX) : UINT64_MAX;
    }
    const auto end = shard.data_end();
    if (!shard.tensors().empty() && (!end || *end > *entry.size()))
        throw Error(ErrorKind::malformed, {entry.name()}, "the shard is truncated");
}

void StreamStitcher::State::add_shard(Entry& entry) {
    Gguf shard = parse(entry);
    check_place(shard, entry);
    if (shard.tensors().empty()) {
        while (entry.left() > 0) entry.read(buffer);
    } else {
        const auto kept = entry.kept_from(shard.data_offset());
        const std::uint64_t read = *entry.size() - entry.left();
        const std::uint64_t skip = shard.data_offset() > read ? shard.data_offset() - read : 0;
        write(kept);
        copy_rest(entry, skip);
    }
    shards.push_back(std::move(shard));
}

void StreamStitcher::State::add_piece(Entry& entry) {
    const std::size_t next = found.size() + 1;
    if (const auto number = detail::piece_number(entry.name()); number && *number != next)
        throw Error(ErrorKind::mismatch, {entry.name()},
                    fmt::format("is not piece {}, which has to come next", next));
    entry.kept_from(0);
    copy_rest(entry, 0);
}

void StreamStitcher::State::write_header() {
    if (shards.empty()) return;
    const Gguf& head = shards.front();
    HeaderWriter header;
    for (const KeyValue& entry : head.metadata())
        if (const auto key = detail::key_in_original(entry.key)) header.add(*key, entry.value);
    std::uint64_t offset = 0;
    std::uint64_t tensors = 0;
    for (const Gguf& shard : shards) {
        for (const Tensor& tensor : shard.tensors()) {
            header.add_tensor(tensor.name, tensor.dimensions(), tensor.type, offset);
            // In the file that has just been written, so nothing wraps.
            offset = *checked::align_up(offset + *tensor.bytes, head.alignment());
            ++tensors;
        }
    }
    const auto count = head.unsigned_of("split.count").value_or(0);
    if (shards.size() < count)
        throw Error(ErrorKind::mismatch, {stream},
                    fmt::format("ends after shard {} of {}", shards.size(), count));
    if (shards.size() > count || head.unsigned_of("split.tensors.count") != tensors)
        throw Error(ErrorKind::mismatch, {stream},
                    fmt::format("has {} shards and {} tensors, the first shard says otherwise", shards.size(),
                                tensors));
    std::string bytes = header.bytes();
    detail::require_readable(bytes, stream, "what these shards give could not be read");
    if (*checked::align_up(bytes.size(), head.alignment()) !=
            *checked::align_up(layout.data_offset, head.alignment()) ||
        bytes.size() > layout.data_offset)
        throw Error(ErrorKind::mismatch, {stream}, "the header does not have the size that was announced");
    bytes.resize(layout.data_offset);
    output.write(0, as_bytes(bytes));
}

std::vector<std::string> StreamStitcher::State::check_list() const {
    std::vector<std::string> unlisted;
    for (const Checksum& checksum : found) {
        const auto wanted = find_checksum(listed, checksum.name);
        if (!wanted) {
            unlisted.push_back(checksum.name);
        } else if (*wanted != checksum.hex) {
            throw Error(
                ErrorKind::mismatch, {checksum.name},
                fmt::format("its XXH128 is {}, listed is {}: damaged on its way", checksum.hex, *wanted));
        }
    }
    return unlisted;
}

StreamStitcher::StreamStitcher(Sink& output, std::string stream, StreamLayout layout, Progress& progress)
    : state_(new State{output, std::move(stream), layout, progress, layout.data_offset, {}, {}, {}}) {}

StreamStitcher::~StreamStitcher() = default;

void StreamStitcher::add(const std::string& name, std::uint64_t size, ByteSource& content) {
    if (name.ends_with(checksum_suffix)) {
        if (size > list_limit) throw Error(ErrorKind::limit, {name}, "too large for a checksum list");
        Entry entry(content, name, size);
        std::vector<std::byte> text(size);
        for (std::size_t at = 0; at < text.size();) at += entry.read(std::span(text).subspan(at));
        state_->listed = parse_checksums(as_text(text), name);
        return;
    }
    Entry entry(content, name, size);
    if (name.ends_with(".gguf")) {
        state_->add_shard(entry);
    } else {
        state_->add_piece(entry);
    }
    state_->found.push_back({name, entry.hex()});
}

std::vector<std::string> StreamStitcher::finish() {
    state_->write_header();
    if (state_->position != state_->layout.size)
        throw Error(ErrorKind::mismatch, {state_->stream},
                    fmt::format("ends early: {} bytes are missing", state_->layout.size - state_->position));
    return state_->check_list();
}

}  // namespace ggufmap
