// Which entries of a manifest are about a model, and which of them to check.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <map>
#include <set>
#include <tuple>

#include "ggufmap/error.hpp"
#include "ggufmap/gguf.hpp"
#include "ggufmap/layout.hpp"
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

// What a name behind "FILE:" means.
struct Thing {
    const ModelTensor* tensor = nullptr;
    std::optional<std::uint64_t> expert = {};
};

// "NAME", or "NAME[7]" of a tensor that is there, whether or not it has that expert.
Thing find_thing(const Model& model, std::string_view name) {
    if (const ModelTensor* const tensor = model.find_tensor(name)) return {tensor};
    const std::size_t bracket = name.rfind('[');
    if (bracket == std::string_view::npos || !name.ends_with(']')) return {};
    const ModelTensor* const tensor = model.find_tensor(name.substr(0, bracket));
    const std::string_view digits = name.substr(bracket + 1, name.size() - bracket - 2);
    std::uint64_t expert = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), expert);
    const bool number = error == std::errc() && end == digits.data() + digits.size();
    return tensor != nullptr && number ? Thing{tensor, expert} : Thing{};
}

// "FILE:TENSOR" or "FILE", taken apart.
struct Parts {
    std::string_view owner;
    std::optional<std::string_view> tensor;
};

// Both halves may hold colons: a tensor that the model has decides, then ".gguf:", then the last colon.
Parts take_apart(std::string_view name, const Model& model) {
    // A tensor's name is short: what a hostile line has before it is not looked up again and again.
    constexpr std::uint64_t longest = Limits{}.tensor_name_bytes + std::string_view("[4294967295]").size();
    const std::size_t first = name.size() > longest ? name.size() - longest - 1 : 0;
    for (std::size_t at = name.find(':', first); at != std::string_view::npos; at = name.find(':', at + 1)) {
        if (find_thing(model, name.substr(at + 1)).tensor != nullptr)
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

// How well a path in a manifest names a file: 0 where not even the last component is the same.
using Fit = std::size_t;
constexpr Fit the_same_path = ~Fit{0};

Fit fit_of(std::string_view listed, const std::filesystem::path& file) {
    const std::filesystem::path path = std::filesystem::path(listed).lexically_normal();
    if (path == file.lexically_normal()) return the_same_path;
    std::error_code nowhere;  // where the working directory is gone, the path as given has to do
    std::filesystem::path whole = std::filesystem::absolute(file, nowhere).lexically_normal();
    if (nowhere) whole = file.lexically_normal();
    Fit common = 0;
    auto left = path.end();
    for (auto right = whole.end(); left != path.begin() && right != whole.begin(); ++common) {
        if (*std::prev(left) != *std::prev(right)) break;
        --left;
        --right;
    }
    // Of equally long tails the better one is not contradicted by what stands before it.
    return common == 0 ? 0 : 2 * common + (left == path.begin() ? 1 : 0);
}

// Which of the paths in a manifest mean a file of the model: of those that end in its name the ones that have
// the longest end in common with its path.
class Namesakes {
public:
    void add_file(const std::string& path) { files_.try_emplace(std::string(base_name(path)), path); }
    void consider(std::string_view listed) {
        const auto file = files_.find(base_name(listed));
        if (file == files_.end()) return;
        const auto [known, fresh] = fits_.try_emplace(listed, 0);
        if (!fresh) return;
        known->second = fit_of(listed, file->second);
        Fit& best = best_.try_emplace(base_name(listed), 0).first->second;
        best = std::max(best, known->second);
    }
    // 0 where another path fits better.
    Fit fit(std::string_view listed) const {
        const auto known = fits_.find(listed);
        if (known == fits_.end()) return 0;
        return known->second == best_.find(base_name(listed))->second ? known->second : 0;
    }
    bool mean_us(std::string_view listed) const { return fit(listed) > 0; }

private:
    std::map<std::string, std::string, std::less<>> files_;  // path by base name
    std::map<std::string_view, Fit> fits_;                   // by path in the manifest
    std::map<std::string_view, Fit> best_;                   // by base name
};

// What the model's files may be called in the names of weights.
Namesakes owners_of(const Model& model) {
    Namesakes owners;
    for (const Shard& shard : model.shards()) owners.add_file(shard.file.name());
    owners.add_file(model.name());
    if (const auto shard_name = parse_shard_name(model.shards().front().file.name()))
        owners.add_file(shard_name->prefix + ".gguf");
    return owners;
}

class Planner {
public:
    Planner(const Model& model, const Manifest& manifest, std::optional<DigestKind> kind)
        : model_(model), manifest_(manifest), kind_(kind) {}

    VerifyPlan plan() {
        plan_.items.reserve(manifest_.entries.size());
        read_weights_entries();
        read_file_entries();
        if (plan_.items.empty() && !other_kinds_.empty())
            throw Error(ErrorKind::usage, {model_.name()}, "the manifest has no digest of that kind for it");
        if (plan_.items.empty())
            throw Error(ErrorKind::usage, {model_.name()}, "the manifest says nothing about this model");
        for (auto& [thing, item] : other_kinds_) {
            if (!known_.contains(thing)) plan_.items.push_back(std::move(item));
        }
        const auto place = [](const VerifyPlan::Item& item) {
            return std::tuple(item.subject, item.index, item.expert);
        };
        std::stable_sort(plan_.items.begin(), plan_.items.end(),
                         [&](const auto& a, const auto& b) { return place(a) < place(b); });
        return std::move(plan_);
    }

private:
    struct Known {
        std::size_t item;
        std::array<const ManifestEntry*, 6> entries;  // the first of each DigestKind
    };
    void read_weights_entries();
    void read_file_entries();
    void add_tensor(std::string_view name, const ManifestEntry& entry);
    void add(VerifyPlan::Item item, std::string_view name, const ManifestEntry& entry);

    const Model& model_;
    const Manifest& manifest_;
    std::optional<DigestKind> kind_;
    VerifyPlan plan_;
    using Key = std::pair<CheckSubject, std::string_view>;  // the name; of all weights, nothing
    std::map<Key, Known> known_;
    std::map<Key, VerifyPlan::Item> other_kinds_;
};

// Names of tensors that the model has are not kept: there may be 500,000.
void Planner::add(VerifyPlan::Item item, std::string_view name, const ManifestEntry& entry) {
    if (item.subject != CheckSubject::tensor || item.index == VerifyPlan::absent) item.name = name;
    item.kind = entry.kind;
    item.wanted = entry.digest;
    item.other_kind = kind_ && entry.kind != *kind_;
    const Key key{item.subject, item.subject == CheckSubject::weights ? std::string_view() : name};
    if (item.other_kind) {
        other_kinds_.try_emplace(key, std::move(item));
        return;
    }
    const auto [known, fresh] = known_.try_emplace(key, Known{plan_.items.size(), {}});
    const ManifestEntry*& first = known->second.entries[static_cast<std::size_t>(entry.kind)];
    if (first == nullptr) first = &entry;
    if (first->digest != entry.digest)
        throw Error(
            ErrorKind::usage, {model_.name()},
            fmt::format(
                "lines {} and {} of the manifest fit it equally well, but have different digests{}",
                first->line, entry.line,
                item.subject == CheckSubject::tensor ? fmt::format(" of tensor '{}'", name) : std::string()));
    if (fresh) {
        plan_.items.push_back(std::move(item));
    } else if (strength(entry.kind) > strength(plan_.items[known->second.item].kind)) {
        plan_.items[known->second.item].kind = entry.kind;
        plan_.items[known->second.item].wanted = entry.digest;
    }
}

void Planner::add_tensor(std::string_view name, const ManifestEntry& entry) {
    const Thing thing = find_thing(model_, name);
    VerifyPlan::Item item{CheckSubject::tensor, {}, VerifyPlan::absent};
    const bool has =
        thing.tensor != nullptr && (!thing.expert || *thing.expert < expert_slices(*thing.tensor->info));
    if (has) item.index = static_cast<std::size_t>(thing.tensor - model_.tensors().data());
    item.expert = thing.expert;
    (thing.expert ? plan_.lists_experts : plan_.lists_tensors) = true;
    add(std::move(item), name, entry);
}

void Planner::read_weights_entries() {
    std::set<std::string_view> owners;
    Namesakes ours = owners_of(model_);
    for (const ManifestEntry& entry : manifest_.entries) {
        if (entry.of_file) continue;
        const std::string_view owner = take_apart(entry.name, model_).owner;
        if (owners.insert(owner).second) ours.consider(owner);
    }
    std::set<std::string_view> our_names;
    for (const std::string_view owner : owners) {
        if (ours.mean_us(owner)) our_names.insert(base_name(owner));
    }
    for (const ManifestEntry& entry : manifest_.entries) {
        if (entry.of_file) continue;
        const Parts parts = take_apart(entry.name, model_);
        if (owners.size() > 1 && !ours.mean_us(parts.owner)) {
            ++plan_.others;
        } else if (parts.tensor) {
            add_tensor(*parts.tensor, entry);
        } else if (our_names.size() <= 1) {
            add({CheckSubject::weights, {}, 0}, parts.owner, entry);
        } else {
            ++plan_.others;  // a model-wide line of one shard of several is not about the whole model
        }
    }
}

void Planner::read_file_entries() {
    std::map<std::string_view, std::size_t> shard_of;
    Namesakes ours;
    for (std::size_t i = 0; i < model_.shards().size(); ++i) {
        const std::string& name = model_.shards()[i].file.name();
        shard_of.emplace(base_name(name), i);
        ours.add_file(name);
    }
    // Shards that our set has not lie beside those that it has.
    const auto first_shard = parse_shard_name(model_.shards().front().file.name());
    const auto could_be_ours = [&](std::string_view base) {
        const auto listed = parse_shard_name(base);
        return first_shard && listed && listed->prefix == base_name(first_shard->prefix);
    };
    const std::string_view first_path = model_.shards().front().file.name();
    const std::string_view folder = first_path.substr(0, first_path.size() - base_name(first_path).size());
    for (const ManifestEntry& entry : manifest_.entries) {
        const std::string_view base = base_name(entry.name);
        if (entry.of_file && could_be_ours(base)) ours.add_file(std::string(folder) + std::string(base));
    }

    std::set<std::string_view> files;
    Fit best = 0;
    for (const ManifestEntry& entry : manifest_.entries) {
        if (!entry.of_file) continue;
        files.insert(entry.name);
        ours.consider(entry.name);
    }
    for (const std::string_view file : files) {
        if (shard_of.contains(base_name(file))) best = std::max(best, ours.fit(file));
    }
    const bool renamed = files.size() == 1 && model_.shards().size() == 1;
    for (const ManifestEntry& entry : manifest_.entries) {
        if (!entry.of_file) continue;
        const std::string_view base = base_name(entry.name);
        const auto shard = shard_of.find(base);
        const Fit fit = ours.fit(entry.name);
        VerifyPlan::Item item{CheckSubject::file, {}, VerifyPlan::absent};
        if (shard != shard_of.end() && fit > 0) {
            item.index = shard->second;
        } else if (renamed) {
            item.index = 0;
        } else if (shard != shard_of.end() || fit == 0 || fit < best) {
            ++plan_.others;
            continue;
        }
        plan_.lists_files = true;
        add(std::move(item), base, entry);
    }
}

}  // namespace

VerifyPlan plan_verification(const Model& model, const Manifest& manifest, std::optional<DigestKind> kind) {
    return Planner(model, manifest, kind).plan();
}

}  // namespace ggufmap
