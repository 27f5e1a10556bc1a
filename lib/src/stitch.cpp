// Finds out what belongs together, and lays it out as the original was.
#include "ggufmap/stitch.hpp"

#include <fmt/format.h>

#include <algorithm>
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

/// The one that must be truncated, if one is: pieces are equally long, but for the last.
const File& suspect(const std::vector<File>& pieces) {
    const auto longer = [](const File& a, const File& b) { return a.size() > b.size(); };
    const auto last = std::prev(pieces.end());
    const auto shortest = std::max_element(pieces.begin(), last, longer);
    const auto longest = std::min_element(pieces.begin(), last, longer);
    return shortest == last || shortest->size() == longest->size() ? *last : *shortest;
}

// A first piece with a whole header tells how long the file has to be.
void check_raw_size(const StitchPlan& plan) {
    FileSource source(plan.raw.front());
    std::optional<std::uint64_t> needed;
    try {
        needed = parse(source).data_end();
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::io) throw;
        return;  // no GGUF, or a header longer than the piece: nothing is known then
    }
    if (needed && *needed > plan.size)
        throw Error(
            ErrorKind::malformed, {suspect(plan.raw).name()},
            fmt::format("{} bytes are missing: the piece is truncated, or pieces behind it are not there",
                        *needed - plan.size));
}

/// PREFIX.xxh128, or what workers have left beside single shards.
std::vector<Checksum> find_list(const StitchPlan& plan) {
    const std::string first = plan.sources().front()->name();
    std::string prefix = first;
    if (const auto name = parse_shard_name(first)) {
        prefix = name->prefix;
    } else if (const auto at = first.rfind("-00001-of-"); at != std::string::npos) {
        prefix = first.substr(0, at);
    }
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
    if (!plan.model) check_raw_size(plan);
    plan.listed = find_list(plan);
    plan.whole = find_whole(plan);
    return plan;
}

}  // namespace ggufmap
