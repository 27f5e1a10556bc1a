// From GGUF names to HF tensors.
#include "ggufmap/hf/tensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <numeric>
#include <unordered_map>

#include "ggufmap/error.hpp"
#include "hf/architecture.hpp"
#include "hf/gaps.hpp"
#include "hf/tensor_types.hpp"

namespace ggufmap::hf {
namespace {

constexpr std::size_t compare_chunk = 1 << 20;
constexpr std::size_t names_shown = 3;
/// Ten times what the largest models of 2026 come to (384 experts of 3 matrices in 61 layers).
constexpr std::uint64_t most_hf_tensors = 1 << 20;

bool is_mxfp4_expert(std::string_view architecture, const Tensor& tensor) {
    return architecture == "gpt-oss" && tensor.type == mxfp4 && tensor.name.ends_with("_exps.weight");
}

/// Empty for quantized types.
std::string_view dtype_of(std::uint32_t type) {
    constexpr std::pair<std::uint32_t, std::string_view> dtypes[] = {
        {0, "F32"}, {1, "F16"}, {24, "I8"}, {25, "I16"}, {26, "I32"}, {27, "I64"}, {28, "F64"}, {30, "BF16"}};
    for (const auto& [id, name] : dtypes)
        if (id == type) return name;
    return {};
}

class Planner {
public:
    Planner(const Model& model, const Facts& facts, const Architecture& architecture, Notes& missing)
        : model_(model), facts_(facts), architecture_(architecture), missing_(missing) {}

    std::vector<HfTensor> plan() {
        model_.require_complete();
        for (const ModelTensor& tensor : model_.tensors()) add(tensor);
        tell_of_nameless();
        for (const std::string& gap : gaps_of(facts_, architecture_)) miss(gap);
        require_distinct_names();
        return std::move(out_);
    }

private:
    [[noreturn]] void fail(const Tensor& tensor, const std::string& reason,
                           ErrorKind kind = ErrorKind::malformed) const {
        throw Error(kind, {model_.name(), fmt::format("tensor '{}'", tensor.name)}, reason);
    }

    void add(const ModelTensor& tensor) {
        const Tensor& info = *tensor.info;
        if (info.name.starts_with("rope_f")) return;  // its content is in config.json
        const NameParts parts = parts_of(info.name);
        const TensorName* name = find_name(architecture_.names, parts.key);
        if (!name) {
            nameless_.push_back(info.name);
            return;
        }
        if (name->treatment == Treatment::derived) return;
        if (name->treatment == Treatment::copy_of_tokens && repeats_tokens(tensor)) return;
        switch (name->treatment) {
            case Treatment::expert:
            case Treatment::norm_per_head:
                return add_slices(tensor, *name, parts);
            case Treatment::joined_experts:
                return add_experts(tensor, partner(tensor, "gate", "up"), *name, parts);
            case Treatment::stacked_experts:
                return add_experts(tensor, nullptr, *name, parts);
            case Treatment::joined_heads:
                return add_joined_heads(tensor, *name, parts);
            default:
                break;
        }
        HfTensor made = whole(tensor);
        made.name = hf_name(*name, parts);
        rework(made, *name, parts);
        out_.push_back(std::move(made));
    }

    HfTensor whole(const ModelTensor& tensor) const {
        const Tensor& info = *tensor.info;
        HfTensor made{.name = {},
                      .dtype = std::string(dtype_of(info.type)),
                      .shape = {info.dimensions().rbegin(), info.dimensions().rend()},
                      .origin = &info,
                      .shard = tensor.shard,
                      .source = *tensor.range,
                      .bytes = tensor.range->size};
        if (made.dtype.empty()) {
            made.dtype = "U8";
            std::uint64_t rows = 1;
            for (std::size_t i = 0; i + 1 < made.shape.size(); ++i) rows *= made.shape[i];
            if (made.shape.empty()) made.shape.push_back(1);
            // Of a type that we do not know, only the offsets tell the size.
            if (rows == 0 ? made.source.size != 0 : made.source.size % rows != 0)
                fail(info,
                     fmt::format("has {} bytes, which do not divide into {} rows", made.source.size, rows));
            made.shape.back() = rows == 0 ? 0 : made.source.size / rows;
        }
        return made;
    }

    void add_slices(const ModelTensor& tensor, const TensorName& name, const NameParts& parts) {
        HfTensor slice = whole(tensor);
        if (slice.shape.size() < 2) fail(*tensor.info, "has too few dimensions to be stacked");
        const std::uint64_t count = slice.shape.front();
        slice.shape.erase(slice.shape.begin());
        if (count == 0 || tensor.range->size % count != 0)
            fail(*tensor.info,
                 fmt::format("{} bytes do not divide into {} slices", tensor.range->size, count));
        require_plausible(*tensor.info, name, count);
        slice.source.size /= count;
        slice.bytes = slice.source.size;
        if (slice.source.size == 0) fail(*tensor.info, "is empty");
        for (std::uint64_t i = 0; i < count; ++i) {
            slice.name = hf_name(name, parts, std::to_string(i));
            out_.push_back(slice);
            slice.source.offset += slice.source.size;
        }
    }

    static std::string with(const ModelTensor& tensor, std::string_view own, std::string_view other) {
        std::string name(tensor.info->name);
        return name.replace(name.find(own), own.size(), other);
    }

    /// The tensor whose name has `other` where this one has `own`.
    const ModelTensor* partner(const ModelTensor& tensor, std::string_view own,
                               std::string_view other) const {
        const std::string name = with(tensor, own, other);
        const ModelTensor* found = facts_.tensor(name);
        if (!found) fail(*tensor.info, fmt::format("is there without '{}'", name));
        if (found->info->type != tensor.info->type)
            fail(*tensor.info, fmt::format("has another type than '{}'", name));
        return found;
    }

    /// gpt-oss keeps its experts stacked: in MXFP4 as blocks and scales, else transposed.
    void add_experts(const ModelTensor& tensor, const ModelTensor* second, const TensorName& name,
                     const NameParts& parts) {
        const Tensor& info = *tensor.info;
        const bool bias = parts.suffix == ".bias";
        if (second && !std::ranges::equal(second->info->dimensions(), info.dimensions()))
            fail(info, fmt::format("has another shape than '{}'", second->info->name));
        HfTensor made = whole(tensor);
        if (made.shape.size() != (bias ? 2 : 3)) fail(info, "has another number of dimensions than experts");
        require_experts(info, made.shape.front());
        const std::uint64_t joined = second ? 2 : 1;
        made.second = second;
        made.bytes *= joined;
        made.shape[1] *= joined;
        made.name = hf_name(name, parts) + (bias ? "_bias" : "");
        std::uint64_t units = made.shape.front();
        for (std::size_t i = 1; i + (bias ? 0 : 1) < made.shape.size(); ++i) units *= made.shape[i];
        if (units == 0 || made.bytes == 0) fail(info, "is empty");
        made.row_bytes = made.bytes / units;
        if (is_mxfp4_expert(facts_.architecture(), info)) {
            made.shape.back() /= mxfp4_block;
            made.bytes /= mxfp4_block;
            HfTensor scales = made;
            scales.name += "_scales";
            scales.rework = Rework::mxfp4_scales;
            made.name += "_blocks";
            made.bytes *= mxfp4_nibbles;
            made.shape.push_back(mxfp4_nibbles);
            made.rework = Rework::mxfp4_blocks;
            out_.push_back(std::move(scales));
        } else if (bias || made.quantized()) {
            if (second) made.rework = Rework::rows_in_turn;
        } else {
            made.slices = made.shape.front();
            std::swap(made.shape[1], made.shape[2]);
            made.rework = Rework::transposed;
        }
        out_.push_back(std::move(made));
    }

    /// Files before 2025 have attn_kv_b, and what was computed from it; later ones only that.
    void add_joined_heads(const ModelTensor& tensor, const TensorName& name, const NameParts& parts) {
        if (facts_.tensor(with(tensor, "_k_", "_kv_"))) return;
        HfTensor made = whole(tensor);
        if (made.quantized()) {  // blocks cannot be transposed
            nameless_.push_back(tensor.info->name);
            return;
        }
        made.second = partner(tensor, "_k_", "_v_");
        // [key, rank, heads] and [rank, value, heads]; the first such files had the last two as one.
        const auto keys = tensor.info->dimensions();
        const auto values = made.second->info->dimensions();
        const auto rows = [](const auto& of) {
            return std::accumulate(of.begin() + 1, of.end(), std::uint64_t{1}, std::multiplies<>());
        };
        made.bytes += made.second->range->size;
        if (made.bytes == 0) fail(*tensor.info, "is empty");
        made.slices = keys.size() == 3 ? keys[2] : facts_.heads();
        const bool alike =
            keys.size() >= 2 && values.size() == keys.size() && (keys.size() == 2 || keys[2] == values[2]);
        if (!alike || made.slices > rows(keys) || rows(keys) != made.slices * values[0] ||
            rows(values) % made.slices != 0)
            fail(*tensor.info, fmt::format("has no shape that fits '{}'", made.second->info->name));
        made.shape = {made.slices * keys[0] + rows(values), values[0]};
        made.name = hf_name(name, parts);
        made.rework = Rework::joined_heads;
        out_.push_back(std::move(made));
    }

    /// A dimension costs the file nothing, and each slice some 200 bytes of memory.
    void require_plausible(const Tensor& tensor, const TensorName& name, std::uint64_t count) const {
        if (name.treatment == Treatment::expert) require_experts(tensor, count);
        if (count > most_hf_tensors - std::min<std::uint64_t>(most_hf_tensors, out_.size()))
            fail(tensor, fmt::format("its {} slices make more than {} tensors", count, most_hf_tensors),
                 ErrorKind::limit);
    }

    void require_experts(const Tensor& tensor, std::uint64_t count) const {
        const auto experts = facts_.number("expert_count");
        if (experts && *experts != count)
            fail(tensor, fmt::format("has {} slices for {} experts", count, *experts));
    }

    void rework(HfTensor& made, const TensorName& name, const NameParts& parts) const {
        std::uint64_t layer = 0;
        std::from_chars(parts.layer.data(), parts.layer.data() + parts.layer.size(), layer);
        const auto of_layer = [&](std::string_view key, std::uint64_t fallback) {
            return facts_.number_of_layer(key, layer).value_or(fallback);
        };
        const std::uint64_t heads = of_layer("attention.head_count", facts_.heads());
        const std::uint64_t groups = of_layer("attention.head_count_kv", heads);
        switch (name.treatment) {
            case Treatment::permuted_q:
            case Treatment::permuted_k: {
                made.heads = name.treatment == Treatment::permuted_q ? heads : groups;
                return move_rows(made, Rework::rotated_rows, 2 * made.heads);
            }
            case Treatment::qkv_by_head:
                made.heads = heads;
                return move_rows(made, Rework::rows_by_head, 3 * heads);
            case Treatment::qkv_by_group:
                made.heads = heads;
                made.groups = groups;
                if (groups == 0 || heads % groups != 0)
                    fail(*made.origin, fmt::format("{} heads do not divide into {} groups", heads, groups));
                if (groups == 1) return;  // the same order
                return move_rows(made, Rework::rows_by_group, heads + 2 * groups);
            case Treatment::transposed:
                if (made.shape.size() != 2) return;  // biases
                if (made.quantized()) return;  // blocks cannot be transposed; --raw-blocks keeps GGUF's shape
                std::swap(made.shape[0], made.shape[1]);
                made.rework = Rework::transposed;
                return;
            case Treatment::plus_one:
                return change_values(made, Rework::minus_one);
            case Treatment::log_of_negative:
                return change_values(made, Rework::log_of_negative);
            case Treatment::convolution:
                if (made.shape.size() == 2) made.shape.insert(made.shape.begin() + 1, 1);
                return;
            case Treatment::row:
                if (made.shape.size() == 1) made.shape.insert(made.shape.begin(), 1);
                return;
            case Treatment::none:
            case Treatment::norm_per_head:
            case Treatment::expert:
            case Treatment::joined_experts:
            case Treatment::stacked_experts:
            case Treatment::joined_heads:
            case Treatment::copy_of_tokens:
            case Treatment::derived:
                return;
        }
    }

    void move_rows(HfTensor& made, Rework rework, std::uint64_t unit) const {
        const std::uint64_t rows = made.shape.empty() ? 1 : made.shape.front();
        // Heads beyond the rows would make `unit` wrap.
        if (made.heads > rows || made.groups > rows || unit == 0 || rows % unit != 0)
            fail(*made.origin, fmt::format("{} rows do not divide into the heads of the model", rows));
        if (rows != 0) made.rework = rework;
    }

    void change_values(HfTensor& made, Rework rework) const {
        if (made.origin->type != f32)
            fail(*made.origin, "must be F32 to become what transformers reads", ErrorKind::unsupported);
        made.rework = rework;
    }

    bool repeats_tokens(const ModelTensor& tensor) const {
        const ModelTensor* tokens = facts_.tensor("token_embd.weight");
        if (!tokens || tokens->info->type != tensor.info->type || tokens->range->size != tensor.range->size)
            return false;
        std::vector<std::byte> a(compare_chunk), b(compare_chunk);
        for (std::uint64_t at = 0; at < tensor.range->size; at += compare_chunk) {
            const std::size_t size = std::min<std::uint64_t>(compare_chunk, tensor.range->size - at);
            const auto read = [&](const ModelTensor& from, std::vector<std::byte>& into) {
                model_.shards()[from.shard].file.read_exactly(from.range->offset + at,
                                                              std::span(into).first(size));
            };
            read(*tokens, a);
            read(tensor, b);
            if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(size), b.begin()))
                return false;
        }
        return true;
    }

    void tell_of_nameless() {
        if (nameless_.empty()) return;
        std::string list;
        for (std::size_t i = 0; i < std::min(nameless_.size(), names_shown); ++i)
            list.append(i == 0 ? "" : ", ").append(nameless_[i]);
        if (nameless_.size() > names_shown) list += ", ...";
        miss(fmt::format("tensors without a name in transformers: {} ({})", nameless_.size(), list));
    }

    void miss(const std::string& what) { missing_.push_back("model.safetensors: " + what); }

    void require_distinct_names() const {
        std::unordered_map<std::string_view, const Tensor*> seen;
        for (const HfTensor& tensor : out_) {
            const auto [at, fresh] = seen.emplace(tensor.name, tensor.origin);
            if (!fresh)
                fail(*tensor.origin, fmt::format("would be '{}', as '{}' is", tensor.name, at->second->name));
        }
    }

    const Model& model_;
    const Facts& facts_;
    const Architecture& architecture_;
    Notes& missing_;
    std::vector<HfTensor> out_;
    std::vector<std::string_view> nameless_;
};

}  // namespace

std::string_view unreadable_type(const Model& model) {
    for (const ModelTensor& tensor : model.tensors()) {
        const Tensor& info = *tensor.info;
        if (!dtype_of(info.type).empty() || is_mxfp4_expert(model.head().architecture(), info)) continue;
        const TensorType* type = find_tensor_type(info.type);
        return type ? type->name : "unknown";
    }
    return {};
}

bool has_packed_experts(const Model& model) {
    const auto& tensors = model.tensors();
    return std::any_of(tensors.begin(), tensors.end(), [&](const ModelTensor& tensor) {
        return is_mxfp4_expert(model.head().architecture(), *tensor.info);
    });
}

bool HfTensor::quantized() const {
    return dtype_of(origin->type).empty() && rework != Rework::mxfp4_blocks && rework != Rework::mxfp4_scales;
}

std::vector<HfTensor> hf_tensors(const Model& model, Notes& missing) {
    const Facts facts(model);
    const Architecture* architecture = find_architecture(facts);
    if (!architecture) return {};
    return Planner(model, facts, *architecture, missing).plan();
}

}  // namespace ggufmap::hf
