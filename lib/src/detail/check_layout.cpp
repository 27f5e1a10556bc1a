// Tensors against each other, the alignment and the end of the file.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "detail/check_rules.hpp"
#include "ggufmap/checked.hpp"

namespace ggufmap::detail {
namespace {

class ShardLayout {
public:
    /// `first`: index of the shard's first tensor among the `total` of the model.
    ShardLayout(const Shard& shard, std::size_t first, std::size_t total, Findings& findings)
        : shard_(shard), first_(first), total_(total), findings_(findings) {}

    void check() {
        check_types();
        check_extents();
        check_end();
    }

private:
    Error::Where at(const Tensor& tensor, std::optional<std::uint64_t> offset = {}) const {
        return {shard_.file.name(), tensor_place(tensor.name), offset};
    }
    std::vector<const Tensor*> by_offset();
    void check_types();
    void check_extents();
    void check_end();
    void check_trailing(std::uint64_t data_end);
    bool gguf_at(std::uint64_t offset) const;

    const Shard& shard_;
    std::size_t first_;
    std::size_t total_;
    Findings& findings_;
};

void ShardLayout::check_types() {
    for (const Tensor& tensor : shard_.gguf.tensors()) {
        const TensorType* type = find_tensor_type(tensor.type);
        if (type == nullptr)
            findings_.error("unknown-type", [&] {
                return Findings::Told{at(tensor, tensor.where.offset),
                                      fmt::format("type {} is unknown", tensor.type)};
            });
        else if (type->status == TypeStatus::fork)
            findings_.warning("fork-type", [&] {
                return Findings::Told{at(tensor, tensor.where.offset),
                                      fmt::format("type {} is known to ik_llama.cpp only", type->name)};
            });
    }
}

std::vector<const Tensor*> ShardLayout::by_offset() {
    std::vector<const Tensor*> order;
    order.reserve(shard_.gguf.tensors().size());
    for (const Tensor& tensor : shard_.gguf.tensors()) order.push_back(&tensor);
    const auto lower = [](const Tensor* a, const Tensor* b) { return a->offset < b->offset; };
    if (std::is_sorted(order.begin(), order.end(), lower)) return order;
    const auto step_back = std::is_sorted_until(order.begin(), order.end(), lower);
    findings_.warning("reordered", [&] {
        return Findings::Told{
            at(**step_back, shard_.gguf.data_offset() + (*step_back)->offset),
            "the data lies before that of the tensor listed before it: llama.cpp refuses this"};
    });
    std::stable_sort(order.begin(), order.end(), lower);
    return order;
}

void ShardLayout::check_extents() {
    const std::uint64_t base = shard_.gguf.data_offset();
    const std::uint64_t alignment = shard_.gguf.alignment();
    std::uint64_t end = 0;  // of all tensors so far, from the start of the data
    const Tensor* last = nullptr;
    for (const Tensor* tensor : by_offset()) {
        const std::uint64_t bytes = tensor->bytes.value_or(0);
        if (tensor->offset < end && bytes != 0)
            findings_.error("overlap", [&] {
                return Findings::Told{at(*tensor, base + tensor->offset),
                                      fmt::format("overlaps {} by {}", tensor_place(last->name),
                                                  counted(std::min(end - tensor->offset, bytes), "byte"))};
            });
        const std::uint64_t expected = checked::align_up(end, alignment).value_or(end);
        if (tensor->offset > expected)
            findings_.warning("gap", [&] {
                return Findings::Told{at(*tensor, base + tensor->offset),
                                      fmt::format("{} before the data: llama.cpp refuses this",
                                                  counted(tensor->offset - expected, "unused byte"))};
            });
        // A type of unknown size takes what there is up to the next tensor.
        if (tensor->offset + bytes > end || last == nullptr) {
            end = tensor->offset + bytes;
            last = tensor;
        }
    }
}

void ShardLayout::check_end() {
    if (shard_.file.fd() < 0) return;
    const Gguf& gguf = shard_.gguf;
    const std::uint64_t file_bytes = shard_.file.size();
    std::uint64_t data_end = gguf.header().size();
    const Tensor* cut =
        nullptr;  // the first that reaches beyond the end, as Model::require_complete() counts
    for (const Tensor& tensor : gguf.tensors()) {
        const std::uint64_t end = gguf.data_offset() + tensor.offset + tensor.bytes.value_or(0);
        data_end = std::max(data_end, end);
        if (end > file_bytes && cut == nullptr) cut = &tensor;
    }
    if (cut == nullptr) return check_trailing(data_end);
    findings_.error("truncated", [&] {
        std::string text = fmt::format("truncated at tensor {} of {}, {} missing",
                                       first_ + static_cast<std::size_t>(cut - gguf.tensors().data()) + 1,
                                       total_, counted(data_end - file_bytes, "byte"));
        if (is_raw_part_name(shard_.file.name())) text += ": a raw part, join all parts in order with cat";
        return Findings::Told{at(*cut, gguf.data_offset() + cut->offset), std::move(text)};
    });
}

void ShardLayout::check_trailing(std::uint64_t data_end) {
    const std::uint64_t file_bytes = shard_.file.size();
    const std::uint64_t padded_end = checked::align_up(data_end, shard_.gguf.alignment()).value_or(data_end);
    if (file_bytes <= padded_end) return;
    const std::string& file = shard_.file.name();
    // cat keeps the padding that writers put behind the last tensor; not every writer does.
    for (const std::uint64_t offset : {padded_end, data_end}) {
        if (!gguf_at(offset)) continue;
        return findings_.error("concatenated", [&] {
            return Findings::Told{
                {file, {}, offset},
                "another GGUF file starts behind the data: shards joined with cat? merge them with "
                "gguf-stitch instead"};
        });
    }
    findings_.warning("trailing", [&] {
        return Findings::Told{
            {file, {}, padded_end},
            fmt::format("{} behind the last tensor", counted(file_bytes - padded_end, "byte"))};
    });
}

bool ShardLayout::gguf_at(std::uint64_t offset) const {
    std::byte magic[4];
    return shard_.file.read_some(offset, magic) == sizeof magic && as_text(magic) == "GGUF";
}

// llama.cpp reads these keys by their exact types, in a file of its own, too.
void check_split_types(const Shard& shard, Findings& findings) {
    constexpr std::pair<std::string_view, ValueType> keys[] = {{"split.no", ValueType::uint16},
                                                               {"split.count", ValueType::uint16},
                                                               {"split.tensors.count", ValueType::int32}};
    for (const auto& rule : keys) {
        const KeyValue* const entry = shard.gguf.find(rule.first);
        if (entry == nullptr || entry->value.type() == rule.second) continue;
        findings.error("split-type", [&] {
            return Findings::Told{
                {shard.file.name(), key_place(rule.first), entry->where.offset},
                fmt::format("is of type {}, wanted {}", name_of(entry->value.type()), name_of(rule.second))};
        });
    }
}

// Later shards need not name it; one that names another comes from elsewhere.
void check_architectures(const Model& model, Findings& findings) {
    const std::string_view first = model.head().architecture();
    for (const Shard& shard : model.shards()) {
        const std::string_view own = shard.gguf.architecture();
        if (own.empty() || own == first) continue;
        findings.error("shard-foreign", [&] {
            return Findings::Told{{shard.file.name(), key_place("general.architecture")},
                                  fmt::format("is '{}', that of the first shard '{}'", own, first)};
        });
    }
}

// A set is opened as one model when a name says that it is one; the keys may say so where the name does not.
void check_shard_name(const Model& model, Findings& findings) {
    const Shard& shard = model.shards().front();
    if (!is_shard_alone(model) || !model.has_files() || parse_shard_name(shard.file.name())) return;
    if (shard.file.name() == "-") return;  // standard input has no name of its own
    const std::uint64_t count = shard.gguf.unsigned_of("split.count").value_or(0);
    findings.error("shard-name", [&] {
        return Findings::Told{
            {shard.file.name(), key_place("split.count")},
            fmt::format("shard {} of {}, but not named NAME-{:05}-of-{:05}.gguf: loaders will not "
                        "find the others",
                        shard.gguf.unsigned_of("split.no").value_or(0) + 1, count,
                        shard.gguf.unsigned_of("split.no").value_or(0) + 1, count)};
    });
}

}  // namespace

void check_layout(const Model& model, Findings& findings) {
    std::size_t first = 0;
    for (const Shard& shard : model.shards()) {
        ShardLayout(shard, first, model.tensors().size(), findings).check();
        check_split_types(shard, findings);
        first += shard.gguf.tensors().size();
    }
    check_architectures(model, findings);
    check_shard_name(model, findings);
}

}  // namespace ggufmap::detail
