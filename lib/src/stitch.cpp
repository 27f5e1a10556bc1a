// Finds out what belongs together, and lays it out as the original was.
#include "ggufmap/stitch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <utility>

#include "detail/raw_names.hpp"
#include "detail/split_keys.hpp"
#include "ggufmap/checked.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/write.hpp"

namespace ggufmap {
namespace {

/// A model's bytes by shards.
class Layout {
public:
    explicit Layout(const Model& model) : model_(model), alignment_(model.head().alignment()) {}

    std::vector<Piece> pieces();

private:
    void check_shard(const Shard& shard) const;
    void add_header();
    void add_data(const Shard& shard);
    void add_end();
    std::uint64_t aligned(std::uint64_t offset) const { return *checked::align_up(offset, alignment_); }
    void add(Piece piece) {
        if (piece.range.empty()) return;
        position_ += piece.range.size;
        pieces_.push_back(std::move(piece));
    }

    const Model& model_;
    const std::uint64_t alignment_;
    std::vector<Piece> pieces_;
    std::uint64_t position_ = 0;
};

// Loaders accept no gap and no other order inside a shard; a file that ends later than its last tensor is
// not what its header says.
void Layout::check_shard(const Shard& shard) const {
    const Gguf& gguf = shard.gguf;
    std::uint64_t expected = 0;
    for (const Tensor& tensor : gguf.tensors()) {
        if (tensor.offset != expected)
            throw Error(ErrorKind::malformed,
                        {shard.file.name(), fmt::format("tensor '{}'", tensor.name), tensor.where.end() - 8},
                        fmt::format("tensor offset {}, wanted {}: the shard's tensors overlap, leave gaps or "
                                    "are aligned otherwise",
                                    tensor.offset, expected));
        expected = *checked::align_up(tensor.offset + *tensor.bytes, gguf.alignment());
    }
    const std::uint64_t end = gguf.data_offset() + expected;
    if (shard.file.size() > end)
        throw Error(ErrorKind::malformed, {shard.file.name(), {}, end},
                    fmt::format("{} bytes behind the last tensor", shard.file.size() - end));
}

void Layout::add_header() {
    HeaderWriter header;
    for (const KeyValue& entry : model_.head().metadata())
        if (const auto key = detail::key_in_original(entry.key)) header.add(*key, entry.value);
    std::uint64_t offset = 0;
    for (const ModelTensor& tensor : model_.tensors()) {
        header.add_tensor(tensor.info->name, tensor.info->dimensions(), tensor.info->type, offset);
        offset = aligned(offset + tensor.range->size);
    }
    std::string bytes = header.bytes();
    detail::require_readable(bytes, model_.name(), "what these shards give could not be read");
    add(Piece::given(std::move(bytes)));
}

void Layout::add_data(const Shard& shard) {
    const Gguf& gguf = shard.gguf;
    if (gguf.tensors().empty()) return;
    add(Piece::zeros(aligned(position_) - position_));
    if (gguf.alignment() == alignment_) {
        const std::uint64_t begin = gguf.data_offset();
        return add(Piece::of(shard.file, {begin, shard.file.size() - begin}));
    }
    for (const Tensor& tensor : gguf.tensors()) {
        add(Piece::zeros(aligned(position_) - position_));
        add(Piece::of(shard.file, *gguf.range_of(tensor)));
    }
}

// The result ends as the last shard with tensors does, padded or not.
void Layout::add_end() {
    const auto& shards = model_.shards();
    const auto last = std::find_if(shards.rbegin(), shards.rend(),
                                   [](const Shard& shard) { return !shard.gguf.tensors().empty(); });
    const Shard& tail = last == shards.rend() ? shards.front() : *last;
    const bool padded = tail.file.size() == *checked::align_up(*tail.gguf.data_end(), tail.gguf.alignment());
    if (padded) add(Piece::zeros(aligned(position_) - position_));
}

std::vector<Piece> Layout::pieces() {
    model_.require_complete();
    for (const Shard& shard : model_.shards()) check_shard(shard);
    add_header();
    for (const Shard& shard : model_.shards()) add_data(shard);
    add_end();
    return std::move(pieces_);
}

std::vector<File> open_all(const std::vector<std::string>& paths) {
    std::vector<File> files;
    for (const std::string& path : paths) files.push_back(File::open(path));
    return files;
}

bool is_gguf_shard(const std::string& path) {
    const File file = File::open(path);
    FileSource source(file);
    try {
        return parse(source).unsigned_of("split.count").value_or(0) > 0;
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::io) throw;
        return false;
    }
}

/// Whether it is a set of GGUF shards (true) or of raw pieces.
bool open_sources(StitchPlan& plan, const std::vector<std::string>& names) {
    if (names.size() == 1 && parse_shard_name(names[0])) {
        plan.model = Model::open(names[0]);
    } else if (names.size() == 1 && (detail::is_numbered_piece(names[0]) || !is_gguf_shard(names[0]))) {
        plan.raw = open_all(detail::find_raw_pieces(names[0]));
    } else if (names.size() > 1 && detail::is_numbered_piece(names[0])) {
        plan.raw = open_all(detail::order_raw_pieces(names));
    } else if (is_gguf_shard(names[0])) {
        plan.model = Model::of_shards(open_all(names));
    } else {
        plan.raw = open_all(detail::order_raw_pieces(names));
    }
    return plan.model.has_value();
}

/// Pieces as one file, as far as its header goes.
class JoinedSource final : public ByteSource {
public:
    explicit JoinedSource(const std::vector<File>& files) : files_(files) {}
    std::size_t read(std::span<std::byte> out) override {
        while (next_ < files_.size()) {
            if (!current_) current_.emplace(files_[next_]);
            if (const std::size_t got = current_->read(out); got != 0 || out.empty()) return got;
            current_.reset();
            ++next_;
        }
        return 0;
    }
    std::optional<std::uint64_t> size() const override { return std::nullopt; }
    const std::string& name() const override { return files_.front().name(); }
    bool at_end() const { return next_ == files_.size(); }

private:
    const std::vector<File>& files_;
    std::size_t next_ = 0;
    std::optional<FileSource> current_;
};

/// The first that differs in size from the piece before it, or the last one, if it is longer; null where none
/// does. What split -n N makes is equal: a byte more or less, or up to N in the last.
const File* unequal(const std::vector<File>& pieces) {
    for (std::size_t i = 1; i < pieces.size(); ++i) {
        const std::uint64_t size = pieces[i].size();
        const std::uint64_t before = pieces[i - 1].size();
        const bool last = i + 1 == pieces.size();
        if (last ? size > before + pieces.size() : size > before + 1 || size + 1 < before) return &pieces[i];
    }
    return nullptr;
}

/// The one that must be truncated, if one is: pieces are equally long, but for the last.
const File& suspect(const std::vector<File>& pieces) {
    const auto longer = [](const File& a, const File& b) { return a.size() > b.size(); };
    const auto last = std::prev(pieces.end());
    const auto shortest = std::max_element(pieces.begin(), last, longer);
    const auto longest = std::min_element(pieces.begin(), last, longer);
    return shortest == last || shortest->size() == longest->size() ? *last : *shortest;
}

bool begin_model(const std::vector<File>& pieces) {
    std::array<std::byte, 4> magic{};
    return JoinedSource(pieces).read(magic) == magic.size() && as_text(magic) == "GGUF";
}

/// Where the model ends that the pieces begin with; nothing where they are none. Throws Error (malformed)
/// where its header goes on behind them.
std::optional<std::uint64_t> model_end(const std::vector<File>& pieces) {
    if (!begin_model(pieces)) return std::nullopt;
    JoinedSource source(pieces);
    try {
        return parse(source).data_end();
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::io) throw;
        if (source.at_end())
            throw Error(ErrorKind::malformed, {suspect(pieces).name()},
                        "the header is not whole: the piece is truncated, or pieces behind it are not there");
        return std::nullopt;
    }
}

// The header tells how long the file has to be. Where it does not, or something is behind the model, only
// pieces of equal size are taken for whole.
void check_raw_size(const StitchPlan& plan) {
    const auto end = model_end(plan.raw);
    if (end && *end > plan.size)
        throw Error(
            ErrorKind::malformed, {suspect(plan.raw).name()},
            fmt::format("{} bytes are missing: the piece is truncated, or pieces behind it are not there",
                        *end - plan.size));
    const File* const other = unequal(plan.raw);
    if (other != nullptr && end != plan.size && !plan.whole)
        throw Error(ErrorKind::mismatch, {other->name()},
                    fmt::format("has {} bytes, the piece before it {}: truncated, or cut otherwise",
                                other->size(), other[-1].size()));
}

/// PREFIX.xxh128, or what workers have left beside single shards.
std::vector<Checksum> find_list(const StitchPlan& plan) {
    const std::string first = plan.sources().front()->name();
    const auto name = parse_shard_name(first);
    const std::string prefix = name ? name->prefix : detail::raw_prefix(first);
    const auto read = [](const std::string& path) -> std::vector<Checksum> {
        try {
            return read_checksums(File::open(path));
        } catch (const Error& error) {
            if (error.error_number() == ENOENT) return {};
            throw;
        }
    };
    auto listed = read(prefix + std::string(checksum_suffix));
    if (!listed.empty()) return listed;
    for (const File* file : plan.sources())
        for (Checksum& checksum : read(file->name() + std::string(checksum_suffix)))
            listed.push_back(std::move(checksum));
    sort_by_name(listed);
    return listed;
}

// The original is the one name in the list that is no shard.
std::optional<Checksum> find_whole(const StitchPlan& plan) {
    std::vector<std::string> names;
    for (const File* file : plan.sources()) names.push_back(split_path(file->name()).name);
    std::sort(names.begin(), names.end());
    std::optional<Checksum> whole;
    for (const Checksum& checksum : plan.listed) {
        if (!checksum.elsewhere && std::binary_search(names.begin(), names.end(), checksum.name)) continue;
        if (whole) return std::nullopt;
        whole = checksum;
    }
    return whole;
}

}  // namespace

std::vector<const File*> StitchPlan::sources() const {
    std::vector<const File*> files;
    if (model)
        for (const Shard& shard : model->shards()) files.push_back(&shard.file);
    for (const File& file : raw) files.push_back(&file);
    return files;
}

std::vector<std::string> StitchPlan::unlisted() const {
    std::vector<std::string> names;
    if (whole || listed.empty()) return names;
    for (const File* file : sources())
        if (!find_checksum(listed, split_path(file->name()).name)) names.push_back(file->name());
    return names;
}

StitchPlan plan_stitch(const std::vector<std::string>& names, const Places& places) {
    std::vector<std::string> paths;
    for (const std::string& name : names) paths.push_back(resolve_model(name, places));
    StitchPlan plan;
    if (open_sources(plan, paths)) {
        plan.pieces = Layout(*plan.model).pieces();
    } else {
        for (const File& file : plan.raw) plan.pieces.push_back(Piece::of(file, {0, file.size()}));
    }
    for (const Piece& piece : plan.pieces) plan.size += piece.range.size;
    plan.listed = find_list(plan);
    plan.whole = find_whole(plan);
    if (!plan.model) check_raw_size(plan);
    return plan;
}

}  // namespace ggufmap
