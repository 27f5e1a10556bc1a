#include "ggufmap/check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "detail/check_rules.hpp"

namespace ggufmap {
namespace detail {

std::vector<Finding> Findings::take() {
    for (const auto& [code, count] : seen_) {
        if (count <= most_of_a_code) continue;
        const auto same = [code = code](const Finding& finding) { return finding.code == code; };
        const auto last = std::find_if(list_.rbegin(), list_.rend(), same);
        list_.insert(last.base(), {code,
                                   last->severity,
                                   {last->where.file},
                                   fmt::format("{} of the kind '{}'",
                                               counted(count - most_of_a_code, "more finding"), code)});
    }
    std::stable_sort(list_.begin(), list_.end(),
                     [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
    return std::move(list_);
}

std::string counted(std::uint64_t count, std::string_view noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}
std::string key_place(std::string_view key) { return fmt::format("key '{}'", key); }
std::string tensor_place(std::string_view name) { return fmt::format("tensor '{}'", name); }

}  // namespace detail

namespace {

bool has_key_under(const Gguf& gguf, std::string_view prefix) {
    return std::any_of(gguf.metadata().begin(), gguf.metadata().end(),
                       [&](const KeyValue& entry) { return entry.key.starts_with(prefix); });
}

}  // namespace

std::string_view name_of(Severity severity) { return severity == Severity::error ? "error" : "warning"; }

Finding finding_of(const Error& error) {
    return {error.code(), Severity::error, error.where(), error.reason()};
}

ModelKind kind_of(const Model& model) {
    const Gguf& head = model.head();
    const std::string_view type = head.string_of("general.type").value_or("");
    const std::string architecture(head.architecture());
    if (type == "adapter" || architecture == "controlvector" || head.find("adapter.type") != nullptr)
        return ModelKind::adapter;
    if (type == "mmproj" || architecture == "clip") return ModelKind::projector;
    if (type == "imatrix" || head.find("imatrix.chunk_count") != nullptr) return ModelKind::imatrix;
    const ModelKind otherwise = is_shard_alone(model) ? ModelKind::shard : ModelKind::other;
    if (model.tensors().empty()) return has_key_under(head, "tokenizer.") ? ModelKind::vocabulary : otherwise;
    // Image models and the like carry an architecture, but none of the keys and tensors of a language model.
    const bool speaks = has_key_under(head, "tokenizer.") ||
                        model.find_tensor("token_embd.weight") != nullptr ||
                        (!architecture.empty() && has_key_under(head, architecture + "."));
    return speaks ? ModelKind::model : otherwise;
}

std::string_view name_of(ModelKind kind) {
    switch (kind) {
        case ModelKind::model:
            return "model";
        case ModelKind::vocabulary:
            return "vocabulary";
        case ModelKind::adapter:
            return "adapter";
        case ModelKind::projector:
            return "projector";
        case ModelKind::imatrix:
            return "imatrix";
        case ModelKind::shard:
            return "shard";
        case ModelKind::other:
            break;
    }
    return "other";
}

bool is_shard_alone(const Model& model) {
    if (model.shards().size() > 1) return false;
    const auto named = parse_shard_name(model.shards().front().file.name());
    return model.head().unsigned_of("split.count").value_or(1) > 1 || (named && named->count > 1);
}

std::vector<Finding> check(const Model& model, Depth depth) {
    detail::Findings findings;
    detail::check_layout(model, findings);
    if (depth == Depth::full && model.has_files()) detail::check_padding(model, findings);
    for (const Shard& shard : model.shards()) detail::check_keys(shard, depth == Depth::full, findings);
    if (!is_shard_alone(model)) {
        detail::check_needed_keys(model, findings);
        detail::check_counts(model, findings);
    }
    return findings.take();
}

bool Examination::has_errors() const {
    return std::any_of(findings.begin(), findings.end(),
                       [](const Finding& finding) { return finding.severity == Severity::error; });
}

Examination examine(const std::string& name, const Places& places, Depth depth, const Limits& limits) {
    Examination result;
    try {
        result.model = Model::open(name, places, {.limits = limits});
    } catch (const Error& error) {
        if (!error.blames_model()) throw;
        result.findings.push_back(finding_of(error));
        if (!parse_shard_name(resolve_model(name, places))) return result;
        try {  // the set is broken; the shard itself may tell more
            result.model =
                Model::open(name, places, {.siblings = ModelOpening::Siblings::none, .limits = limits});
        } catch (const Error& own) {
            if (!own.blames_model()) throw;
            if (own.what() != std::string_view(error.what())) result.findings.push_back(finding_of(own));
            return result;
        }
    }
    std::vector<Finding> more = check(*result.model, depth);
    std::move(more.begin(), more.end(), std::back_inserter(result.findings));
    return result;
}

}  // namespace ggufmap
