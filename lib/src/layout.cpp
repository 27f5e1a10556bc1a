#include "ggufmap/layout.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "ggufmap/checked.hpp"

namespace ggufmap {
namespace {

constexpr std::array<std::string_view, part_count> part_names = {"header",  "embed", "attn",   "ffn",
                                                                 "experts", "norm",  "output", "other"};

bool contains(std::string_view text, std::string_view word) {
    return text.find(word) != std::string_view::npos;
}

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> words) {
    return std::any_of(words.begin(), words.end(),
                       [&](std::string_view word) { return text.starts_with(word); });
}

// `name` is what follows "blk.N.".
Part part_in_layer(std::string_view name, bool stacked_experts) {
    if (stacked_experts) return Part::experts;
    if (contains(name, "norm")) return Part::norm;
    if (starts_with_any(name, {"attn", "cross_attn", "ssm_", "shortconv", "time_mix", "indexer", "rope_"}))
        return Part::attn;
    if (starts_with_any(name, {"ffn", "channel_mix", "exp_probs_b", "ff."})) return Part::ffn;
    if (starts_with_any(name, {"ln1", "ln2"})) return Part::norm;  // the names of mmproj files
    return Part::other;
}

Part part_outside_layers(std::string_view name) {
    if (contains(name, "norm")) return Part::norm;
    if (starts_with_any(name, {"token_embd", "position_embd", "token_types", "per_layer_token_embd",
                               "v.patch_embd", "v.position_embd", "v.class_embd"}))
        return Part::embed;
    if (starts_with_any(name, {"output", "cls"})) return Part::output;
    if (starts_with_any(name, {"rope_"})) return Part::attn;
    return Part::other;
}

// Nearly always they are in that order.
template <typename Visit>
void for_each_by_offset(std::span<const Tensor> tensors, const Visit& visit) {
    if (std::is_sorted(tensors.begin(), tensors.end(),
                       [](const Tensor& a, const Tensor& b) { return a.offset < b.offset; })) {
        for (const Tensor& tensor : tensors) visit(tensor);
        return;
    }
    std::vector<const Tensor*> order;
    order.reserve(tensors.size());
    for (const Tensor& tensor : tensors) order.push_back(&tensor);
    std::stable_sort(order.begin(), order.end(),
                     [](const Tensor* a, const Tensor* b) { return a->offset < b->offset; });
    for (const Tensor* const tensor : order) visit(*tensor);
}

}  // namespace

std::string_view name_of(Part part) { return part_names[static_cast<std::size_t>(part)]; }

std::optional<Part> parse_part(std::string_view name) {
    const auto at = std::find(part_names.begin(), part_names.end(), name);
    if (at == part_names.end()) return std::nullopt;
    return static_cast<Part>(at - part_names.begin());
}

Role role_of(std::string_view tensor_name) {
    constexpr std::string_view block = "blk.";
    Role role;
    const auto at = tensor_name.find(block);
    const bool in_layer = at == 0 || (at != std::string_view::npos && tensor_name[at - 1] == '.');
    std::uint32_t layer = 0;
    if (in_layer) {
        const std::string_view rest = tensor_name.substr(at + block.size());
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), layer);
        if (error == std::errc() && end != rest.data() + rest.size() && *end == '.') {
            const std::string_view name(end + 1,
                                        static_cast<std::size_t>(rest.data() + rest.size() - end - 1));
            role.layer = layer;
            role.stack = at == 0 ? std::string_view() : tensor_name.substr(0, at - 1);
            role.stacked_experts = contains(name, "_exps") || contains(name, "_chexps");
            role.router = name.starts_with("ffn_gate_inp") || name.starts_with("exp_probs_b");
            role.part = part_in_layer(name, role.stacked_experts);
            return role;
        }
    }
    role.part = part_outside_layers(tensor_name);
    return role;
}

std::uint64_t expert_slices(const Tensor& tensor) {
    if (tensor.dimension_count < 2 || !role_of(tensor.name).stacked_experts) return 0;
    const std::uint64_t slices = tensor.dimension[tensor.dimension_count - 1];
    const bool sliced = slices != 0 && slices <= max_experts && tensor.bytes.value_or(0) != 0;
    return sliced && *tensor.bytes % slices == 0 ? slices : 0;
}

Amount& Amount::operator+=(const Amount& other) {
    // Sums of file numbers: what is beyond 2^64 is shown as that much.
    tensors += other.tensors;
    elements = checked::add(elements, other.elements).value_or(UINT64_MAX);
    bytes = checked::add(bytes, other.bytes).value_or(UINT64_MAX);
    return *this;
}

std::optional<double> Amount::bits_per_weight() const {
    if (elements == 0) return std::nullopt;
    return 8.0 * static_cast<double>(bytes) / static_cast<double>(elements);
}

Amount LayerAmounts::total() const {
    Amount sum;
    for (const Amount& part : parts) sum += part;
    return sum;
}

std::vector<LayerAmounts> amounts_by_layer(const Model& model) {
    using Key = std::pair<std::string_view, std::int64_t>;
    std::map<Key, LayerAmounts> layers;
    for (const ModelTensor& tensor : model.tensors()) {
        const Role role = role_of(tensor.info->name);
        const Key key = role.layer ? Key{role.stack, std::int64_t{*role.layer}} : Key{"", -1};
        LayerAmounts& layer = layers[key];
        layer.stack = role.stack;
        layer.layer = role.layer;
        layer.parts[static_cast<std::size_t>(role.part)] +=
            {1, tensor.info->elements(), tensor.info->bytes.value_or(0)};
    }
    std::vector<LayerAmounts> result;
    for (auto& [key, layer] : layers) result.push_back(layer);
    return result;
}

Parameters count_parameters(const Model& model) {
    const Gguf& head = model.head();
    const std::string architecture(head.architecture());
    const auto experts = head.unsigned_of(architecture + ".expert_count").value_or(0);
    const auto used = head.unsigned_of(architecture + ".expert_used_count").value_or(0);
    Parameters result;
    for (const ModelTensor& tensor : model.tensors()) {
        // Sums of file numbers: a model of more than 2^64 weights is shown as that many.
        const std::uint64_t elements = tensor.info->elements();
        const bool sparse = experts != 0 && used <= experts && role_of(tensor.info->name).stacked_experts;
        result.total = checked::add(result.total, elements).value_or(UINT64_MAX);
        result.active =
            checked::add(result.active, sparse ? elements / experts * used : elements).value_or(UINT64_MAX);
    }
    return result;
}

void for_each_region(const Shard& shard, const std::function<void(const Region&)>& visit) {
    for_each_region(shard.gguf, shard.file.size(), visit);
}

void for_each_region(const Gguf& gguf, std::uint64_t file_bytes,
                     const std::function<void(const Region&)>& visit) {
    const Range file{0, file_bytes};
    std::uint64_t position = 0;
    const auto add = [&](Region::Kind kind, std::uint64_t end, const Tensor* tensor = nullptr) {
        const Range range = intersection({position, end - position}, file);
        if (!range.empty()) visit({kind, range, tensor});
        position = end;
    };
    const auto fill_up_to = [&](std::uint64_t next, Region::Kind kind_of_rest) {
        const std::uint64_t aligned = std::min(next, *checked::align_up(position, gguf.alignment()));
        if (aligned > position) add(Region::Kind::padding, aligned);
        if (next > position) add(kind_of_rest, next);
    };

    add(Region::Kind::header, gguf.header().size());
    for_each_by_offset(gguf.tensors(), [&](const Tensor& tensor) {
        const Range range{gguf.data_offset() + tensor.offset, tensor.bytes.value_or(0)};
        fill_up_to(range.offset, Region::Kind::gap);
        if (range.end() > position) add(Region::Kind::tensor, range.end(), &tensor);
    });
    fill_up_to(file.size, Region::Kind::trailing);
}

}  // namespace ggufmap
