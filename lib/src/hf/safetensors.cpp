// Laying out safetensors files.
#include "ggufmap/hf/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "ggufmap/checked.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/json.hpp"

namespace ggufmap::hf {
namespace {

using Layout = JsonWriter::Layout;

constexpr std::uint64_t length_bytes = 8;

std::uint64_t element_bytes(const HfTensor& tensor) {
    if (tensor.dtype == "F64" || tensor.dtype == "I64") return 8;
    if (tensor.dtype == "F32" || tensor.dtype == "I32") return 4;
    return tensor.dtype == "U8" || tensor.dtype == "I8" ? 1 : 2;
}

// vLLM skips names with this in them, converters names that end so; others report an unexpected key or none.
std::string gap_name(std::size_t number) { return fmt::format("gguf_gap.{}.rotary_emb.inv_freq", number); }

SafetensorsEntry gap(std::size_t number, std::uint64_t begin, std::uint64_t end) {
    SafetensorsEntry entry;
    entry.gap = true;
    entry.data = {begin, end - begin};
    entry.tensor.name = gap_name(number);
    entry.tensor.dtype = "U8";
    entry.tensor.shape = {end - begin};
    return entry;
}

/// Tensors of one shard, by offset, cut where a file is full.
using Group = std::vector<HfTensor>;

// What a tensor takes in the header, generously; the padding comes to a block more.
constexpr std::uint64_t header_share = 256;

/// The bytes of a growing group's data.
class GroupSize {
public:
    explicit GroupSize(bool shared) : shared_(shared) {}

    std::uint64_t with(const HfTensor& next) const {
        if (!shared_ || !next.in_place()) return extent_ + behind_ + next.bytes;
        return next.source.end() - begin_.value_or(next.source.offset) + behind_;
    }
    void add(const HfTensor& next) {
        if (!shared_ || !next.in_place()) {
            behind_ += next.bytes;
            return;
        }
        if (!begin_) begin_ = next.source.offset;
        extent_ = next.source.end() - *begin_;
    }

private:
    bool shared_;
    std::optional<std::uint64_t> begin_;
    std::uint64_t extent_ = 0;  // of what is shared, gaps included
    std::uint64_t behind_ = 0;  // what is written anew
};

std::vector<Group> groups_of(std::vector<HfTensor> tensors, const SafetensorsOptions& options) {
    std::stable_sort(tensors.begin(), tensors.end(), [](const HfTensor& a, const HfTensor& b) {
        return std::pair(a.shard, a.source.offset) < std::pair(b.shard, b.source.offset);
    });
    std::vector<Group> groups;
    const GroupSize empty(options.weights == Weights::reflink);
    GroupSize size = empty;
    const auto would_be_full = [&](const HfTensor& next) {
        return options.most_bytes != 0 &&
               size.with(next) + options.block + header_share * (groups.back().size() + 1) >
                   options.most_bytes;
    };
    for (HfTensor& tensor : tensors) {
        if (groups.empty() || groups.back().back().shard != tensor.shard || would_be_full(tensor)) {
            groups.emplace_back();
            size = empty;
        }
        size.add(tensor);
        groups.back().push_back(std::move(tensor));
    }
    return groups;
}

// Wide types first, as the crate lays them out: every tensor is then aligned to its element.
void append(SafetensorsFile& file, Group group, std::uint64_t position) {
    std::stable_sort(group.begin(), group.end(), [](const HfTensor& a, const HfTensor& b) {
        return element_bytes(a) > element_bytes(b);
    });
    for (HfTensor& tensor : group) {
        const Range data{position, tensor.bytes};
        position = data.end();
        file.entries.push_back({std::move(tensor), data});
    }
}

// What takes the place of its source first, then what is put together anew.
void fill_shared(SafetensorsFile& file, Group group, const std::string& model) {
    const auto anew = std::stable_partition(group.begin(), group.end(),
                                            [](const HfTensor& tensor) { return tensor.in_place(); });
    std::vector<HfTensor> behind(std::make_move_iterator(anew), std::make_move_iterator(group.end()));
    group.erase(anew, group.end());
    const std::uint64_t base = group.empty() ? 0 : group.front().source.offset;
    std::uint64_t position = 0;
    std::size_t gaps = 0;
    for (HfTensor& tensor : group) {
        const Range data{tensor.source.offset - base, tensor.source.size};
        if (data.offset < position)
            throw Error(ErrorKind::malformed, {model, fmt::format("tensor '{}'", tensor.origin->name)},
                        "overlaps another one");
        if (data.offset > position) file.entries.push_back(gap(gaps++, position, data.offset));
        file.entries.push_back({std::move(tensor), data});
        position = data.end();
    }
    file.shared = {base, position};
    if (const std::uint64_t odd = position % length_bytes; odd != 0 && !behind.empty()) {
        const std::uint64_t aligned = position + length_bytes - odd;
        file.entries.push_back(gap(gaps, position, aligned));
        position = aligned;
    }
    append(file, std::move(behind), position);
}

void write_block_type(const HfTensor& tensor, JsonWriter& json) {
    std::string description;
    JsonWriter inner([&](std::string_view piece) { description += piece; });
    inner.begin_object(Layout::compact);
    inner.key("type");
    const TensorType* type = find_tensor_type(tensor.origin->type);
    inner.string(type ? type->name : "unknown");
    inner.key("shape");
    inner.begin_array();
    for (std::size_t i = 0; i + 1 < tensor.shape.size(); ++i) inner.number(tensor.shape[i]);
    const auto dimensions = tensor.origin->dimensions();
    inner.number(dimensions.empty() ? 1 : dimensions.front());  // elements, where the file's shape has bytes
    inner.end_array();
    inner.end_object();
    inner.finish();
    description.pop_back();  // the newline
    json.key("ggml." + tensor.name);
    json.string(description);
}

std::string json_header(const SafetensorsFile& file, Weights weights) {
    std::string out;
    JsonWriter json([&](std::string_view piece) { out += piece; });
    json.begin_object(Layout::compact);
    json.key("__metadata__");
    json.begin_object();
    json.key("format");
    json.string("pt");
    if (weights == Weights::sparse) {
        json.key("ggufmap.sparse");
        json.string("all weights are zero: this file is for readers of headers only");
    }
    for (const SafetensorsEntry& entry : file.entries)
        if (!entry.gap && entry.tensor.quantized()) write_block_type(entry.tensor, json);
    json.end_object();
    for (const SafetensorsEntry& entry : file.entries) {
        json.key(entry.tensor.name);
        json.begin_object();
        json.key("dtype");
        json.string(entry.tensor.dtype);
        json.key("shape");
        json.begin_array();
        for (const std::uint64_t dimension : entry.tensor.shape) json.number(dimension);
        json.end_array();
        json.key("data_offsets");
        json.begin_array();
        json.number(entry.data.offset);
        json.number(entry.data.end());
        json.end_array();
        json.end_object();
    }
    json.end_object();
    json.finish();
    out.pop_back();  // the newline; blanks follow instead
    return out;
}

/// Blanks bring the data to where source and data agree modulo `block`, or else to a multiple of 8.
std::string header_of(const SafetensorsFile& file, const SafetensorsOptions& options,
                      const std::string& model) {
    std::string json = json_header(file, options.weights);
    const bool shares = options.weights == Weights::reflink;
    const std::uint64_t block = shares ? options.block : length_bytes;
    const std::uint64_t wanted = shares ? file.shared.offset % block : 0;
    const std::uint64_t now = (length_bytes + json.size()) % block;
    json.append((wanted + block - now) % block, ' ');
    if (json.size() > options.most_header_bytes)
        throw Error(
            ErrorKind::limit, {model, file.name},
            fmt::format("the header would have {} bytes, and readers accept {}: take more and smaller files",
                        json.size(), options.most_header_bytes));
    std::string header(length_bytes, '\0');
    const std::uint64_t length = json.size();
    std::memcpy(header.data(), &length, sizeof length);
    return header + json;
}

}  // namespace

std::uint64_t SafetensorsFile::new_bytes(Weights weights) const {
    if (weights == Weights::none) return 0;
    if (weights == Weights::sparse) return header.size();
    if (weights == Weights::copy) return bytes();
    std::uint64_t sum = header.size();
    for (const SafetensorsEntry& entry : entries)
        if (entry.tensor.rework != Rework::none) sum += entry.data.size;
    return sum;
}

std::vector<SafetensorsFile> plan_safetensors(const Model& model, const std::vector<HfTensor>& tensors,
                                              const SafetensorsOptions& options) {
    std::vector<Group> groups = groups_of(tensors, options);
    std::vector<SafetensorsFile> files(groups.size());
    for (std::size_t i = 0; i < groups.size(); ++i) {
        SafetensorsFile& file = files[i];
        file.name = groups.size() == 1
                        ? "model.safetensors"
                        : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, groups.size());
        file.shard = groups[i].front().shard;
        if (options.weights == Weights::reflink) {
            fill_shared(file, std::move(groups[i]), model.name());
        } else {
            append(file, std::move(groups[i]), 0);
        }
        file.header = header_of(file, options, model.name());
    }
    return files;
}

void write_index(const std::vector<SafetensorsFile>& files, JsonWriter& json) {
    std::uint64_t total = 0;
    for (const SafetensorsFile& file : files)
        for (const SafetensorsEntry& entry : file.entries) total += entry.gap ? 0 : entry.data.size;
    json.begin_object();
    json.key("metadata");
    json.begin_object(Layout::inline_);
    json.key("total_size");
    json.number(total);
    json.end_object();
    json.key("weight_map");
    json.begin_object();
    for (const SafetensorsFile& file : files) {
        for (const SafetensorsEntry& entry : file.entries) {
            if (entry.gap) continue;
            json.key(entry.tensor.name);
            json.string(file.name);
        }
    }
    json.end_object();
    json.end_object();
    json.finish();
}

}  // namespace ggufmap::hf
