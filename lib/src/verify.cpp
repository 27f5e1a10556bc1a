#include "ggufmap/verify.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "ggufmap/resident.hpp"

namespace ggufmap {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

using Item = VerifyPlan::Item;

bool to_be_compared(const Item& item) { return !item.other_kind && item.index != VerifyPlan::absent; }

// The kinds that any item asks for.
std::vector<DigestKind> kinds_of(const VerifyPlan& plan) {
    std::vector<DigestKind> kinds;
    for (const Item& item : plan.items) {
        if (!item.other_kind && std::find(kinds.begin(), kinds.end(), item.kind) == kinds.end())
            kinds.push_back(item.kind);
    }
    return kinds;
}

bool any_of_experts(const VerifyPlan& plan) {
    return std::any_of(plan.items.begin(), plan.items.end(),
                       [](const Item& item) { return to_be_compared(item) && item.expert; });
}

bool any_whole(const VerifyPlan& plan, CheckSubject subject) {
    return std::any_of(plan.items.begin(), plan.items.end(), [&](const Item& item) {
        return to_be_compared(item) && item.subject == subject && !item.expert;
    });
}

DigestBytes padded(Bytes digest) {
    DigestBytes bytes{};
    std::copy(digest.begin(), digest.end(), bytes.begin());
    return bytes;
}

// Says of `check` how it ended.
void compare(Check& check, const DigestTable& digests, std::size_t thing,
             const std::vector<DigestKind>& kinds) {
    if (const Error* const error = digests.error(thing)) {
        check.verdict = Verdict::unreadable;
        check.error = std::make_shared<const Error>(*error);
        return;
    }
    const auto k =
        static_cast<std::size_t>(std::find(kinds.begin(), kinds.end(), *check.kind) - kinds.begin());
    check.found = padded(digests.digest(thing, k));
    check.verdict = check.found == check.wanted ? Verdict::same : Verdict::different;
}

std::string tensor_name(const ModelTensor& tensor, std::optional<std::uint64_t> expert) {
    std::string name(tensor.info->name);
    if (expert) name += fmt::format("[{}]", *expert);
    return name;
}

// Digests of tensors, or of slices of them.
struct Pieces {
    std::vector<Selected> all;  // by tensor and expert
    DigestTable digests;
    std::vector<bool> resident;  // empty: it does not matter

    std::optional<std::size_t> find(const ModelTensor* tensor, std::optional<std::uint64_t> expert) const {
        const auto key = [](const Selected& one) { return std::pair(one.tensor, one.expert); };
        const auto wanted = std::pair(tensor, expert);
        const auto found = std::partition_point(all.begin(), all.end(),
                                                [&](const Selected& one) { return key(one) < wanted; });
        if (found == all.end() || key(*found) != wanted) return std::nullopt;
        return static_cast<std::size_t>(found - all.begin());
    }
};

// What has been computed, whichever way.
struct Evidence {
    std::vector<DigestKind> kinds;
    Pieces tensors = {};
    Pieces slices = {};
    std::optional<DigestTable> weights = {};
    std::optional<DigestTable> files = {};
    bool complete = true;

    std::uint64_t bytes() const {
        std::uint64_t sum = 0;
        for (const Selected& one : tensors.all.empty() ? slices.all : tensors.all)
            sum += one.where.range.size;
        return sum;
    }
};

class Judge {
public:
    Judge(const Model& model, const VerifyPlan& plan, const Evidence& evidence, const Selection& selection,
          bool in_memory)
        : model_(model),
          plan_(plan),
          evidence_(evidence),
          everything_(selection.everything() && !in_memory),
          experts_asked_(evidence.tensors.all.empty()),
          listed_tensors_(model.tensors().size()),
          listed_files_(model.shards().size()) {
        checks_.reserve(plan.items.size());
    }

    std::vector<Check> judge() {
        for (const Item& item : plan_.items) {
            list(item);
            if (item.index == VerifyPlan::absent) {
                if (everything_) add(item, Verdict::missing);
            } else if (item.subject == CheckSubject::tensor) {
                judge_tensor(item);
            } else {
                judge_whole(item);
            }
        }
        add_new();
        return std::move(checks_);
    }
    // Of tensors that have been compared.
    std::uint64_t compared_bytes() const { return compared_bytes_; }

private:
    Check& add(const Item& item, Verdict verdict) {
        const bool ours = item.subject == CheckSubject::tensor && item.index != VerifyPlan::absent;
        return checks_.emplace_back(
            Check{item.subject, ours ? tensor_name(model_.tensors()[item.index], item.expert) : item.name,
                  verdict, item.kind, item.wanted});
    }
    void list(const Item& item) {
        if (item.index == VerifyPlan::absent) return;
        if (item.expert) {
            listed_experts_.emplace(item.index, *item.expert);
        } else if (item.subject == CheckSubject::tensor) {
            listed_tensors_[item.index] = true;
        } else if (item.subject == CheckSubject::file) {
            listed_files_[item.index] = true;
        }
    }
    void judge_tensor(const Item& item);
    void judge_whole(const Item& item);
    void add_new();
    bool listed(const ModelTensor* tensor, std::optional<std::uint64_t> expert) const {
        const auto index = static_cast<std::size_t>(tensor - model_.tensors().data());
        return expert ? listed_experts_.contains({index, *expert}) : listed_tensors_[index];
    }

    const Model& model_;
    const VerifyPlan& plan_;
    const Evidence& evidence_;
    bool everything_;
    bool experts_asked_;
    std::vector<Check> checks_;
    std::vector<bool> listed_tensors_;
    std::vector<bool> listed_files_;
    std::set<std::pair<std::size_t, std::uint64_t>> listed_experts_;
    std::uint64_t compared_bytes_ = 0;
};

void Judge::judge_tensor(const Item& item) {
    const Pieces& pieces = item.expert ? evidence_.slices : evidence_.tensors;
    const auto row = pieces.find(&model_.tensors()[item.index], item.expert);
    if (item.other_kind) {
        const bool selected = row || evidence_.tensors.find(&model_.tensors()[item.index], {});
        if (selected) add(item, Verdict::unchecked);
        return;
    }
    if (!row) return;
    Check& check = add(item, Verdict::unchecked);
    if (!pieces.resident.empty() && !pieces.resident[*row]) return;
    compare(check, pieces.digests, *row, evidence_.kinds);
    if (!check.error) compared_bytes_ += pieces.all[*row].where.range.size;
}

void Judge::judge_whole(const Item& item) {
    if (!everything_) return;
    Check& check = add(item, Verdict::unchecked);
    if (item.other_kind) return;
    if (item.subject == CheckSubject::weights) {
        compare(check, *evidence_.weights, 0, evidence_.kinds);
    } else {
        compare(check, *evidence_.files, item.index, evidence_.kinds);
    }
}

void Judge::add_new() {
    const Pieces& pieces = experts_asked_ ? evidence_.slices : evidence_.tensors;
    const bool lists_them = experts_asked_ ? plan_.lists_experts : plan_.lists_tensors;
    for (const Selected& one : pieces.all) {
        if (!lists_them || listed(one.tensor, one.expert)) continue;
        checks_.push_back({CheckSubject::tensor, tensor_name(*one.tensor, one.expert), Verdict::added});
    }
    for (std::size_t i = 0; plan_.lists_files && everything_ && i < model_.shards().size(); ++i) {
        if (!listed_files_[i])
            checks_.push_back(
                {CheckSubject::file, std::string(base_name(model_.shards()[i].file.name())), Verdict::added});
    }
}

// All experts that the plan has, of the tensors that are selected.
Selection listed_experts(Selection selection, const VerifyPlan& plan) {
    std::set<std::uint64_t> experts;
    for (const Item& item : plan.items) {
        if (to_be_compared(item) && item.expert) experts.insert(*item.expert);
    }
    for (const std::uint64_t expert : experts) selection.add_experts(std::to_string(expert));
    return selection;
}

void collect_resident(const Model& model, const Selection& selection, const ReadOptions& options,
                      Evidence& evidence, Pieces& pieces) {
    ResidentDigests found = digest_resident(model, evidence.kinds, selection, options);
    pieces = {std::move(found.tensors), std::move(found.digests), std::move(found.resident)};
    evidence.complete &= found.complete;
}

void collect(const Model& model, const WeightRequest& request, const ReadOptions& options, Evidence& evidence,
             Pieces& pieces) {
    WeightReport found = digest_weights(model, request, options);
    pieces = {std::move(found.tensors), std::move(found.digests), {}};
    if (request.model) evidence.weights = std::move(found.model);
    if (request.files) evidence.files = std::move(found.files);
    evidence.complete &= found.complete;
}

bool names_experts(const Model& model, const Selection& selection) {
    const std::vector<Selected> selected = selected_tensors(model, selection);
    return std::any_of(selected.begin(), selected.end(), [](const Selected& one) { return one.expert; });
}

Evidence gather(const Model& model, const VerifyPlan& plan, const Selection& selection, bool in_memory,
                const ReadOptions& options) {
    Evidence evidence{kinds_of(plan)};
    const bool experts_asked = names_experts(model, selection);
    if (experts_asked && !any_of_experts(plan))
        throw Error(ErrorKind::usage, {model.name()}, "the manifest has no digests of single experts");
    if (!experts_asked) {
        WeightRequest request{evidence.kinds, any_whole(plan, CheckSubject::tensor), false, false, false,
                              selection};
        request.model = selection.everything() && any_whole(plan, CheckSubject::weights);
        request.files = selection.everything() && any_whole(plan, CheckSubject::file);
        in_memory ? collect_resident(model, selection, options, evidence, evidence.tensors)
                  : collect(model, request, options, evidence, evidence.tensors);
    }
    if (evidence.complete && any_of_experts(plan)) {
        const Selection slices = experts_asked ? selection : listed_experts(selection, plan);
        in_memory ? collect_resident(model, slices, options, evidence, evidence.slices)
                  : collect(model, {evidence.kinds, true, false, false, false, slices}, options, evidence,
                            evidence.slices);
    }
    return evidence;
}

bool all_hex(std::string_view text) { return text.find_first_not_of(hex_digits) == std::string_view::npos; }

}  // namespace

std::string_view name_of(Verdict verdict) {
    constexpr std::array<std::string_view, 6> names = {"same", "different",  "missing",
                                                       "new",  "unreadable", "unchecked"};
    return names[static_cast<std::size_t>(verdict)];
}

std::uint64_t Verification::count(Verdict verdict) const {
    return static_cast<std::uint64_t>(std::count_if(
        checks.begin(), checks.end(), [&](const Check& check) { return check.verdict == verdict; }));
}

bool Verification::good() const { return count(Verdict::same) + count(Verdict::unchecked) == checks.size(); }

Verification verify(const Model& model, const VerifyPlan& plan, const Selection& selection, bool in_memory,
                    const ReadOptions& options) {
    model.require_complete();
    const Evidence evidence = gather(model, plan, selection, in_memory, options);
    Verification result;
    result.complete = evidence.complete;
    result.bytes = evidence.files ? model.file_bytes() : evidence.bytes();
    if (!result.complete) return result;
    Judge judge(model, plan, evidence, selection, in_memory);
    result.checks = judge.judge();
    const bool all = evidence.weights || evidence.files;
    result.checked = all ? result.bytes : std::min(judge.compared_bytes(), result.bytes);
    return result;
}

std::optional<NamedDigest> digest_in_name(const File& file) {
    // The open file's own name, whatever links led to it.
    std::array<char, 4096> target{};
    const std::string self = fmt::format("/proc/self/fd/{}", file.fd());
    const ssize_t size = ::readlink(self.c_str(), target.data(), target.size());
    const std::string_view path =
        size > 0 ? std::string_view(target.data(), static_cast<std::size_t>(size)) : file.name();
    std::string_view name = base_name(path);
    constexpr std::string_view ollama = "sha256-";
    if (name.starts_with(ollama)) name.remove_prefix(ollama.size());
    if (!all_hex(name)) return std::nullopt;
    if (name.size() == 64) return NamedDigest{DigestKind::sha256, std::string(name)};
    if (name.size() == 40) return NamedDigest{DigestKind::sha1, std::string(name), true};
    return std::nullopt;
}

Check verify_named(const Model& model, std::uint32_t shard, const NamedDigest& named,
                   const ReadOptions& options) {
    const File& file = model.shards()[shard].file;
    struct Sink final : WeightSink {
        explicit Sink(DigestKind kind) : digest(kind) {}
        void take(std::size_t, Bytes bytes) override { digest.update(bytes); }
        void finish(std::size_t) override {}
        void fail(std::size_t, const Error& why) override { error = why; }
        Digest digest;
        std::optional<Error> error;
    } sink(named.kind);
    if (named.git_blob) {
        const std::string prefix = fmt::format("blob {}", file.size());
        sink.take(0, as_bytes(std::string_view(prefix.c_str(), prefix.size() + 1)));
    }
    const ShardRange whole{shard, {0, file.size()}};
    WeightSink* const sinks[] = {&sink};
    Check check{CheckSubject::file, std::string(base_name(file.name())), Verdict::unchecked, named.kind,
                parse_hex(named.kind, named.hex)};
    if (!read_in_order(model, {&whole, 1}, options, sinks)) return check;
    try {
        file.check_unchanged();
    } catch (const Error& error) {
        sink.error = error;
    }
    if (sink.error) check.error = std::make_shared<const Error>(*sink.error);
    check.found = padded(sink.digest.bytes());
    check.verdict = check.error                   ? Verdict::unreadable
                    : check.found == check.wanted ? Verdict::same
                                                  : Verdict::different;
    return check;
}

}  // namespace ggufmap
