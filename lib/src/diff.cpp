#include "ggufmap/diff.hpp"

#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "detail/gang.hpp"
#include "detail/split_keys.hpp"
#include "ggufmap/types.hpp"
#include "ggufmap/weight_digests.hpp"

namespace ggufmap {
namespace {

// A multiple of every block; 64 Ki floats on each side stay in the processor's cache.
constexpr std::uint64_t chunk_elements = 65536;

// Also what a model that was a shard once brings along (see split_keys.hpp).
bool about_sharding(std::string_view key) {
    std::string name(key);
    for (;;) {
        const auto original = detail::key_in_original(name);
        if (!original) return true;
        if (*original == name) return false;
        name = *original;
    }
}

bool equal(const Value& a, const Value& b) {
    return a.type() == b.type() && std::ranges::equal(a.bytes(), b.bytes());
}

void compare_metadata(const Gguf& before, const Gguf& after, ModelDiff& diff) {
    for (const KeyValue& pair : before.metadata()) {
        if (about_sharding(pair.key)) continue;
        const KeyValue* const other = after.find(pair.key);
        if (other != nullptr && equal(pair.value, other->value)) {
            ++diff.same_keys;
        } else {
            diff.keys.push_back({pair.key, &pair, other});
        }
    }
    for (const KeyValue& pair : after.metadata()) {
        if (!about_sharding(pair.key) && before.find(pair.key) == nullptr)
            diff.keys.push_back({pair.key, nullptr, &pair});
    }
}

// Bytes of a tensor, a chunk at a time. What was not resident leaves the page cache again.
class ChunkReader {
public:
    ChunkReader(const Model& model, const ModelTensor& tensor, const ReadOptions& options)
        : file_(model.shards()[tensor.shard].file),
          type_(*find_tensor_type(tensor.info->type)),
          range_(*tensor.range),
          keep_(options.keep_cache),
          fd_(file_.reopen(O_RDONLY)) {}

    // Elements [first, first + out.size()), which begin and end with a block.
    void read(std::uint64_t first, std::span<float> out) {
        const Range piece{range_.offset + first / type_.block_elements * type_.block_bytes,
                          out.size() / type_.block_elements * type_.block_bytes};
        bytes_.resize(piece.size);
        const CacheCounts before = kernel_.query(file_, piece);
        file_.read_exactly(piece.offset, bytes_);
        if (!keep_ && before.resident == 0) {
            const Range pages = page_cover(piece, page_size());
            ::posix_fadvise(fd_.get(), static_cast<off_t>(pages.offset), static_cast<off_t>(pages.size),
                            POSIX_FADV_DONTNEED);
        }
        dequantise(type_.id, bytes_, out);
    }

private:
    const File& file_;
    const TensorType& type_;
    Range range_;
    bool keep_;
    Fd fd_;
    KernelPageCache kernel_;
    std::vector<std::byte> bytes_;
};

class Accumulator {
public:
    void add(std::span<const float> before, std::span<const float> after) {
        for (std::size_t i = 0; i < before.size(); ++i) {
            const double a = before[i];
            const double b = after[i];
            if (!std::isfinite(a) || !std::isfinite(b)) {
                ++result_.not_finite;
                continue;
            }
            const double distance = b - a;
            apart_ += distance * distance;
            norm_ += a * a;
            result_.largest = std::max(result_.largest, std::abs(distance));
        }
        result_.elements += before.size();
    }
    ValueDifference result() const {
        ValueDifference result = result_;
        if (apart_ > 0)
            result.relative = norm_ > 0 ? std::sqrt(apart_ / norm_) : std::numeric_limits<double>::infinity();
        return result;
    }

private:
    ValueDifference result_;
    double apart_ = 0;
    double norm_ = 0;
};

// Nothing when asked to stop.
std::optional<ValueDifference> compare_values(const Model& before, const Model& after,
                                              const TensorDifference& tensor, const ReadOptions& options) {
    ChunkReader left(before, *tensor.before, options);
    ChunkReader right(after, *tensor.after, options);
    std::vector<float> a(chunk_elements);
    std::vector<float> b(chunk_elements);
    Accumulator sum;
    const std::uint64_t elements = tensor.before->info->elements();
    for (std::uint64_t first = 0; first < elements; first += chunk_elements) {
        if (options.stop.stop_requested()) return std::nullopt;
        const std::uint64_t count = std::min(chunk_elements, elements - first);
        left.read(first, std::span(a).first(count));
        right.read(first, std::span(b).first(count));
        sum.add(std::span(a).first(count), std::span(b).first(count));
    }
    return sum.result();
}

bool has_values(const TensorDifference& tensor) {
    return tensor.before != nullptr && tensor.after != nullptr && !tensor.shape && !tensor.error &&
           can_dequantise(tensor.before->info->type) && can_dequantise(tensor.after->info->type);
}

void add_values(const Model& before, const Model& after, const ReadOptions& options, ModelDiff& diff) {
    std::atomic<std::size_t> next = 0;
    detail::Gang gang;
    gang.run(std::max(options.jobs, 1U), [&](unsigned) {
        for (std::size_t i = next++; i < diff.tensors.size() && !gang.failed(); i = next++) {
            TensorDifference& tensor = diff.tensors[i];
            if (!has_values(tensor)) continue;
            try {
                tensor.values = compare_values(before, after, tensor, options);
            } catch (const Error& error) {
                tensor.error = error;
            }
        }
    });
}

// Digests of one model's tensors, to be found by tensor.
class Side {
public:
    Side(const Model& model, const Selection& selection, const ReadOptions& options)
        : model_(model), by_tensor_(model.tensors().size()) {
        WeightRequest request;
        request.kinds = {DigestKind::xxh3_128};
        request.selection = selection;
        WeightReport report = digest_weights(model, request, options);
        complete_ = report.complete;
        digests_ = std::move(report.digests);
        for (std::size_t i = 0; i < report.tensors.size(); ++i) {
            Rows& rows = by_tensor_[index_of(*report.tensors[i].tensor)];
            if (rows.empty()) {
                tensors_.push_back(report.tensors[i].tensor);
                rows.first = i;
            }
            rows.end = i + 1;
        }
    }

    bool complete() const { return complete_; }
    const std::vector<const ModelTensor*>& tensors() const { return tensors_; }
    bool has(const ModelTensor* tensor) const {
        return tensor != nullptr && !by_tensor_[index_of(*tensor)].empty();
    }
    // All that was read of it is the same: the tensor, or slices of single experts.
    bool same(const ModelTensor& tensor, const Side& other, const ModelTensor& others) const {
        const Rows ours = by_tensor_[index_of(tensor)];
        const Rows theirs = other.by_tensor_[other.index_of(others)];
        if (ours.end - ours.first != theirs.end - theirs.first) return false;
        for (std::size_t i = 0; i < ours.end - ours.first; ++i) {
            if (!std::ranges::equal(digests_.digest(ours.first + i, 0),
                                    other.digests_.digest(theirs.first + i, 0)))
                return false;
        }
        return true;
    }
    const Error* error(const ModelTensor& tensor) const {
        const Rows rows = by_tensor_[index_of(tensor)];
        for (std::size_t i = rows.first; i < rows.end; ++i) {
            if (const Error* const error = digests_.error(i)) return error;
        }
        return nullptr;
    }

private:
    // Of the report; those of one tensor are neighbours.
    struct Rows {
        std::size_t first = 0;
        std::size_t end = 0;
        bool empty() const { return first == end; }
    };
    std::size_t index_of(const ModelTensor& tensor) const {
        return static_cast<std::size_t>(&tensor - model_.tensors().data());
    }

    const Model& model_;
    DigestTable digests_;
    bool complete_ = true;
    std::vector<const ModelTensor*> tensors_;
    std::vector<Rows> by_tensor_;
};

TensorDifference compare(const Side& left, const ModelTensor& before, const Side& right,
                         const ModelTensor& after) {
    TensorDifference result{before.info->name, &before, &after};
    result.type = before.info->type != after.info->type;
    result.shape = before.info->dimension != after.info->dimension;
    const Error* const error = left.error(before) != nullptr ? left.error(before) : right.error(after);
    if (error != nullptr) result.error = *error;
    result.bytes = result.type || result.shape || (error == nullptr && !left.same(before, right, after));
    return result;
}

}  // namespace

ModelDiff diff(const Model& before, const Model& after, const DiffRequest& request,
               const ReadOptions& options) {
    ModelDiff result;
    const bool everything = request.selection.everything();
    if (everything) compare_metadata(before.head(), after.head(), result);
    const Side left(before, request.selection, options);
    const Side right(after, request.selection, options);
    for (const ModelTensor* const tensor : left.tensors()) {
        const ModelTensor* const other = after.find_tensor(tensor->info->name);
        if (!right.has(other)) {
            result.tensors.push_back({tensor->info->name, tensor, nullptr});
            continue;
        }
        TensorDifference difference = compare(left, *tensor, right, *other);
        if (difference.bytes || difference.error) {
            result.tensors.push_back(std::move(difference));
        } else {
            ++result.same_tensors;
        }
    }
    for (const ModelTensor* const tensor : right.tensors()) {
        if (before.find_tensor(tensor->info->name) == nullptr)
            result.tensors.push_back({tensor->info->name, nullptr, tensor});
    }
    result.complete = left.complete() && right.complete();
    if (request.values && result.complete) add_values(before, after, options, result);
    result.complete &= !options.stop.stop_requested();
    return result;
}

}  // namespace ggufmap
