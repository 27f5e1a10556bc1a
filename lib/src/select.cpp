#include "ggufmap/select.hpp"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <charconv>

#include "ggufmap/error.hpp"

namespace ggufmap {
namespace {

[[noreturn]] void fail(const std::string& reason) { throw Error(ErrorKind::usage, {}, reason); }

// Calls visit for each piece of "a,b,c"; a text without separators is one piece.
template <typename Visit>
void split(std::string_view text, char separator, Visit visit) {
    for (;;) {
        const auto at = text.find(separator);
        visit(text.substr(0, at));
        if (at == std::string_view::npos) return;
        text.remove_prefix(at + 1);
    }
}

std::optional<std::uint32_t> parse_number(std::string_view text) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

bool glob_matches(const std::string& glob, std::string_view name) {
    return ::fnmatch(glob.c_str(), std::string(name).c_str(), 0) == 0;
}

// `option`: who is to blame for what cannot be read.
std::vector<Part> parse_parts(std::string_view names, std::string_view option) {
    std::vector<Part> parts;
    split(names, ',', [&](std::string_view name) {
        const auto part = parse_part(name);
        if (!part)
            fail(fmt::format(
                "{}: '{}' is unknown, wanted header, embed, attn, ffn, experts, norm, output or other",
                option, name));
        parts.push_back(*part);
    });
    return parts;
}

}  // namespace

Range header_range(const Shard& shard) {
    return {0, std::min(shard.gguf.tensors().empty() ? shard.gguf.header().size() : shard.gguf.data_offset(),
                        shard.file.size())};
}

std::vector<ShardRange> merged(std::vector<ShardRange> ranges) {
    std::erase_if(ranges, [](const ShardRange& r) { return r.range.empty(); });
    std::sort(ranges.begin(), ranges.end());
    std::size_t kept = 0;
    for (const ShardRange& next : ranges) {
        ShardRange* last = kept > 0 ? &ranges[kept - 1] : nullptr;
        if (last && last->shard == next.shard && next.range.offset <= last->range.end()) {
            last->range.size = std::max(last->range.end(), next.range.end()) - last->range.offset;
        } else {
            ranges[kept++] = next;
        }
    }
    ranges.resize(kept);
    return ranges;
}

NumberSet NumberSet::parse(std::string_view text, std::string_view option) {
    NumberSet set;
    split(text, ',', [&](std::string_view piece) {
        const auto dash = piece.find('-');
        const auto first = parse_number(piece.substr(0, dash));
        const auto last = dash == std::string_view::npos ? first : parse_number(piece.substr(dash + 1));
        if (!first || !last || *first > *last)
            fail(fmt::format("{}: '{}' is no list of numbers, wanted for example 0-7,31", option, text));
        set.ranges_.emplace_back(*first, *last);
    });
    return set;
}

bool NumberSet::contains(std::uint64_t number) const {
    return std::any_of(ranges_.begin(), ranges_.end(),
                       [&](const auto& range) { return number >= range.first && number <= range.second; });
}

void NumberSet::add(const NumberSet& other) {
    ranges_.insert(ranges_.end(), other.ranges_.begin(), other.ranges_.end());
}

std::uint64_t NumberSet::highest() const {
    std::uint64_t highest = 0;
    for (const auto& range : ranges_) highest = std::max<std::uint64_t>(highest, range.second);
    return highest;
}

Selection& Selection::add_tensor(std::string glob) {
    globs_.push_back(std::move(glob));
    return *this;
}

Selection& Selection::add_layers(std::string_view numbers) {
    layers_.add(NumberSet::parse(numbers, "--layer"));
    return *this;
}

Selection& Selection::add_parts(std::string_view names) {
    const std::vector<Part> parts = parse_parts(names, "--part");
    parts_.insert(parts_.end(), parts.begin(), parts.end());
    return *this;
}

Selection& Selection::add_experts(std::string_view numbers) {
    experts_.add(NumberSet::parse(numbers, "--expert"));
    return *this;
}

Selection& Selection::restrict_to(std::vector<ShardRange> ranges) {
    ranges_ = merged(std::move(ranges));
    return *this;
}

Selection Selection::parse(std::string_view text) {
    Selection selection;
    split(text, ';', [&](std::string_view term) {
        const auto equals = term.find('=');
        const std::string_view key = term.substr(0, equals);
        const std::string_view value =
            equals == std::string_view::npos ? std::string_view() : term.substr(equals + 1);
        if (value.empty())
            fail(fmt::format("selection '{}': wanted KEY=VALUE, for example layer=0-7;part=attn", text));
        const std::string place = fmt::format("selection '{}': {}", text, key);
        if (key == "tensor") {
            selection.add_tensor(std::string(value));
        } else if (key == "layer") {
            selection.layers_.add(NumberSet::parse(value, place));
        } else if (key == "part") {
            const std::vector<Part> parts = parse_parts(value, place);
            selection.parts_.insert(selection.parts_.end(), parts.begin(), parts.end());
        } else if (key == "expert") {
            selection.experts_.add(NumberSet::parse(value, place));
        } else {
            fail(fmt::format("selection '{}': '{}' is unknown, wanted tensor, layer, part or expert", text,
                             key));
        }
    });
    return selection;
}

bool Selection::everything() const { return takes_all_tensors() && !ranges_; }

bool Selection::takes_all_tensors() const {
    return globs_.empty() && layers_.empty() && parts_.empty() && experts_.empty();
}

bool Selection::matches(const Tensor& tensor, const Role& role) const {
    if (!layers_.empty() && !(role.layer && layers_.contains(*role.layer))) return false;
    if (!parts_.empty() && std::find(parts_.begin(), parts_.end(), role.part) == parts_.end()) return false;
    if (!experts_.empty() && expert_slices(tensor) == 0) return false;
    return globs_.empty() || std::any_of(globs_.begin(), globs_.end(),
                                         [&](const auto& glob) { return glob_matches(glob, tensor.name); });
}

bool Selection::includes(const Tensor& tensor) const {
    return takes_all_tensors() || matches(tensor, role_of(tensor.name));
}

void Selection::require_matches(const Model& model) const {
    const auto& tensors = model.tensors();
    for (const std::string& glob : globs_) {
        if (std::none_of(tensors.begin(), tensors.end(),
                         [&](const auto& t) { return glob_matches(glob, t.info->name); }))
            throw Error(ErrorKind::usage, {model.name()}, fmt::format("no tensor matches '{}'", glob));
    }
    if (layers_.empty() && experts_.empty()) return;
    std::optional<std::uint32_t> last;  // layers need not begin at 0, nor be without holes
    std::uint64_t experts = 0;
    for (const ModelTensor& tensor : tensors) {
        last = std::max(last, role_of(tensor.info->name).layer);
        experts = std::max(experts, expert_slices(*tensor.info));
    }
    if (!layers_.empty() && !last) throw Error(ErrorKind::usage, {model.name()}, "the model has no layers");
    if (!layers_.empty() && layers_.highest() > *last)
        throw Error(ErrorKind::usage, {model.name()},
                    fmt::format("the model has no layer {}, its last one is {}", layers_.highest(), *last));
    if (!experts_.empty() && experts_.highest() >= experts)
        throw Error(
            ErrorKind::usage, {model.name()},
            fmt::format("the model has {} stacked experts, no expert {}", experts, experts_.highest()));
}

void Selection::for_each(const Model& model, const std::function<void(const Selected&)>& visit) const {
    require_matches(model);
    std::vector<Selected> wholes;
    wholes.reserve(model.shards().size() + model.tensors().size());
    if (takes_all_tensors() || std::find(parts_.begin(), parts_.end(), Part::header) != parts_.end()) {
        for (std::uint32_t i = 0; i < model.shards().size(); ++i)
            wholes.push_back({nullptr, {i, header_range(model.shards()[i])}, std::nullopt});
    }
    for (const ModelTensor& tensor : model.tensors()) {
        if (tensor.range && includes(*tensor.info))
            wholes.push_back({&tensor, {tensor.shard, *tensor.range}, std::nullopt});
    }
    const auto before = [](const Selected& a, const Selected& b) { return a.where < b.where; };
    if (!std::is_sorted(wholes.begin(), wholes.end(), before))
        std::stable_sort(wholes.begin(), wholes.end(), before);
    for (const Selected& whole : wholes) {
        if (experts_.empty() || whole.tensor == nullptr) {
            visit_clipped(whole, visit);
            continue;
        }
        const std::uint64_t slices = expert_slices(*whole.tensor->info);
        const std::uint64_t size = whole.where.range.size / slices;
        for (std::uint64_t expert = 0; expert < slices; ++expert) {
            if (!experts_.contains(expert)) continue;
            visit_clipped(
                {whole.tensor, {whole.where.shard, {whole.where.range.offset + expert * size, size}}, expert},
                visit);
        }
    }
}

std::vector<Selected> Selection::of(const Model& model) const {
    std::vector<Selected> all;
    all.reserve(model.shards().size() + model.tensors().size());
    for_each(model, [&](const Selected& one) { all.push_back(one); });
    const auto before = [](const Selected& a, const Selected& b) { return a.where < b.where; };
    // Slices of tensors that overlap.
    if (!std::is_sorted(all.begin(), all.end(), before)) std::stable_sort(all.begin(), all.end(), before);
    return all;
}

void Selection::visit_clipped(const Selected& one, const std::function<void(const Selected&)>& visit) const {
    if (!ranges_) return visit(one);
    // The windows are disjoint and sorted: the first that can meet `one` is found by its end.
    auto window = std::partition_point(ranges_->begin(), ranges_->end(), [&](const ShardRange& w) {
        return w.shard < one.where.shard ||
               (w.shard == one.where.shard && w.range.end() <= one.where.range.offset);
    });
    for (; window != ranges_->end() && window->shard == one.where.shard; ++window) {
        const Range part = intersection(one.where.range, window->range);
        if (part.empty()) break;
        visit({one.tensor, {one.where.shard, part}, one.expert});
    }
}

std::vector<ShardRange> Selection::ranges(const Model& model) const {
    std::vector<ShardRange> result;
    if (everything()) {
        for (std::uint32_t i = 0; i < model.shards().size(); ++i)
            result.push_back({i, {0, model.shards()[i].file.size()}});
        return merged(std::move(result));
    }
    for_each(model, [&](const Selected& one) {  // slices side by side are one range
        ShardRange* last = result.empty() ? nullptr : &result.back();
        if (last != nullptr && last->shard == one.where.shard && last->range.end() == one.where.range.offset)
            last->range.size += one.where.range.size;
        else
            result.push_back(one.where);
    });
    return merged(std::move(result));
}

}  // namespace ggufmap
