// Which entries of a manifest are about a model, and which of them to check.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "ggufmap/error.hpp"
#include "ggufmap/gguf.hpp"
#include "ggufmap/verify.hpp"

namespace ggufmap {
namespace {

unsigned strength(DigestKind kind) {
    switch (kind) {
        case DigestKind::sha256:
            return 5;
        case DigestKind::sha1:
            return 4;
        case DigestKind::uuid:  // SHA-1, 122 bits of it
            return 3;
        case DigestKind::xxh3_128:
            return 2;
        case DigestKind::xxh3_64:
        case DigestKind::xxh64:
            break;
    }
    return 1;
}

// "FILE:TENSOR" or "FILE", taken apart.
struct Parts {
    std::string_view owner;
    std::optional<std::string_view> tensor;
};

// Both halves may hold colons: a tensor that the model has decides, then ".gguf:", then the last colon.
Parts take_apart(std::string_view name, const Model& model) {
    // A tensor's name is short: what a hostile line has before it is not looked up again and again.
    constexpr std::uint64_t longest = Limits{}.tensor_name_bytes;
    const std::size_t first = name.size() > longest ? name.size() - longest - 1 : 0;
    for (std::size_t at = name.find(':', first); at != std::string_view::npos; at = name.find(':', at + 1)) {
        if (model.find_tensor(name.substr(at + 1)) != nullptr)
            return {name.substr(0, at), name.substr(at + 1)};
    }
    constexpr std::string_view suffix = ".gguf";
    if (name.ends_with(suffix)) return {name, std::nullopt};
    const std::size_t end_of_file = name.find(".gguf:");
    const std::size_t colon =
        end_of_file != std::string_view::npos ? end_of_file + suffix.size() : name.rfind(':');
    if (colon == std::string_view::npos) return {name, std::nullopt};
    return {name.substr(0, colon), name.substr(colon + 1)};
}

// What the model's files may be called in a manifest.
std::set<std::string_view> names_of(const Model& model, std::string& unsplit) {
    std::set<std::string_view> names;
    for (const Shard& shard : model.shards()) names.insert(base_name(shard.file.name()));
    names.insert(base_name(model.name()));
    const auto shard_name = parse_shard_name(model.shards().front().file.name());
    if (shard_name) {
        unsplit = std::string(base_name(shard_name->prefix)) + ".gguf";
        names.insert(unsplit);
    }
    return names;
}

class Planner {
public:
    Planner(const Model& model, const Manifest& manifest, std::optional<DigestKind> kind)
        : model_(model), manifest_(manifest), kind_(kind), names_(names_of(model, unsplit_)) {}

    VerifyPlan plan() {
        read_weights_entries();
        read_file_entries();
        if (plan_.items.empty() && wrong_kind_)
            throw Error(ErrorKind::usage, {model_.name()}, "the manifest has no digest of that kind for it");
        if (plan_.items.empty())
            throw Error(ErrorKind::mismatch, {model_.name()}, "the manifest says nothing about this model");
        const auto place = [](const VerifyPlan::Item& item) { return std::tuple(item.subject, item.index); };
        std::stable_sort(plan_.items.begin(), plan_.items.end(),
                         [&](const auto& a, const auto& b) { return place(a) < place(b); });
        return std::move(plan_);
    }

private:
    bool ours(std::string_view name) const { return names_.contains(base_name(name)); }
    void read_weights_entries();
    void read_file_entries();
    void add(CheckSubject subject, std::string_view name, std::size_t index, const ManifestEntry& entry);

    const Model& model_;
    const Manifest& manifest_;
    std::optional<DigestKind> kind_;
    std::string unsplit_;
    std::set<std::string_view> names_;
    VerifyPlan plan_;
    std::map<std::pair<CheckSubject, std::string>, std::size_t> known_;  // item of a thing
    bool wrong_kind_ = false;
};

void Planner::add(CheckSubject subject, std::string_view name, std::size_t index,
                  const ManifestEntry& entry) {
    if (kind_ && entry.kind != *kind_) {
        wrong_kind_ = true;
        return;
    }
    const auto [known, fresh] = known_.try_emplace({subject, std::string(name)}, plan_.items.size());
    if (fresh) {
        plan_.items.push_back({subject, std::string(name), index, entry.kind, entry.hex});
        return;
    }
    VerifyPlan::Item& item = plan_.items[known->second];
    if (strength(entry.kind) <= strength(item.kind)) return;
    item.kind = entry.kind;
    item.wanted = entry.hex;
}

void Planner::read_weights_entries() {
    std::set<std::string_view> owners;
    for (const ManifestEntry& entry : manifest_.entries) {
        if (!entry.of_file) owners.insert(take_apart(entry.name, model_).owner);
    }
    // A model-wide line of one shard of several is not about the whole model.
    const auto is_ours = [&](std::string_view owner) { return ours(owner); };
    const auto our_owners = std::count_if(owners.begin(), owners.end(), is_ours);
    for (const ManifestEntry& entry : manifest_.entries) {
        if (entry.of_file) continue;
        const Parts parts = take_apart(entry.name, model_);
        if (owners.size() > 1 && !ours(parts.owner)) {
            ++plan_.others;
        } else if (parts.tensor) {
            const ModelTensor* const tensor = model_.find_tensor(*parts.tensor);
            const std::size_t index = tensor == nullptr
                                          ? VerifyPlan::absent
                                          : static_cast<std::size_t>(tensor - model_.tensors().data());
            plan_.lists_tensors = true;
            add(CheckSubject::tensor, *parts.tensor, index, entry);
        } else if (our_owners <= 1) {
            add(CheckSubject::weights, parts.owner, 0, entry);
        } else {
            ++plan_.others;
        }
    }
}

void Planner::read_file_entries() {
    std::map<std::string_view, std::size_t> shard_of;
    for (std::size_t i = 0; i < model_.shards().size(); ++i)
        shard_of.emplace(base_name(model_.shards()[i].file.name()), i);
    const auto first_shard = parse_shard_name(model_.shards().front().file.name());

    std::set<std::string_view> files;
    for (const ManifestEntry& entry : manifest_.entries) {
        if (entry.of_file) files.insert(entry.name);
    }
    const bool renamed = files.size() == 1 && model_.shards().size() == 1;
    for (const ManifestEntry& entry : manifest_.entries) {
        if (!entry.of_file) continue;
        const std::string_view base = base_name(entry.name);
        const auto shard = shard_of.find(base);
        const auto listed = parse_shard_name(base);
        if (shard != shard_of.end()) {
            add(CheckSubject::file, base, shard->second, entry);
        } else if (renamed) {
            add(CheckSubject::file, base, 0, entry);
        } else if (first_shard && listed && listed->prefix == base_name(first_shard->prefix)) {
            add(CheckSubject::file, base, VerifyPlan::absent, entry);
        } else {
            ++plan_.others;
            continue;
        }
        plan_.lists_files = true;
    }
}

}  // namespace

VerifyPlan plan_verification(const Model& model, const Manifest& manifest, std::optional<DigestKind> kind) {
    return Planner(model, manifest, kind).plan();
}

}  // namespace ggufmap
