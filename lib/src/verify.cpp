#include "ggufmap/verify.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>

#include "ggufmap/resident.hpp"

namespace ggufmap {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

// The kinds that any item of these subjects asks for.
std::vector<DigestKind> kinds_of(const VerifyPlan& plan) {
    std::vector<DigestKind> kinds;
    for (const VerifyPlan::Item& item : plan.items) {
        if (std::find(kinds.begin(), kinds.end(), item.kind) == kinds.end()) kinds.push_back(item.kind);
    }
    return kinds;
}

bool any_present(const VerifyPlan& plan, CheckSubject subject) {
    return std::any_of(plan.items.begin(), plan.items.end(), [&](const VerifyPlan::Item& item) {
        return item.subject == subject && item.index != VerifyPlan::absent;
    });
}

Check compare(const VerifyPlan::Item& item, const DigestTable& digests, std::size_t thing,
              const std::vector<DigestKind>& kinds) {
    Check check{item.subject, item.name, Verdict::unreadable, item.kind, item.wanted};
    if (const Error* const error = digests.error(thing)) {
        check.error = *error;
        return check;
    }
    const auto k = static_cast<std::size_t>(std::find(kinds.begin(), kinds.end(), item.kind) - kinds.begin());
    check.found = digests.hex(thing, k);
    check.verdict = check.found == item.wanted ? Verdict::same : Verdict::different;
    return check;
}

// What has been computed, whichever way.
struct Evidence {
    std::vector<DigestKind> kinds;
    std::vector<std::optional<std::uint32_t>>
        row;                     // by Model::tensors(), into `tensors`; nothing: not selected
    std::vector<bool> resident;  // by Model::tensors()
    const DigestTable* tensors = nullptr;
    const DigestTable* weights = nullptr;
    const DigestTable* files = nullptr;
};

std::vector<Check> judge(const Model& model, const VerifyPlan& plan, const Evidence& evidence,
                         bool everything) {
    std::vector<Check> checks;
    std::set<std::pair<CheckSubject, std::size_t>> listed;
    for (const VerifyPlan::Item& item : plan.items) {
        listed.emplace(item.subject, item.index);
        if (item.index == VerifyPlan::absent) {
            if (everything)
                checks.push_back({item.subject, item.name, Verdict::missing, item.kind, item.wanted});
            continue;
        }
        switch (item.subject) {
            case CheckSubject::tensor:
                if (!evidence.row[item.index]) break;
                if (evidence.resident[item.index]) {
                    checks.push_back(
                        compare(item, *evidence.tensors, *evidence.row[item.index], evidence.kinds));
                } else {
                    checks.push_back({item.subject, item.name, Verdict::unchecked, item.kind, item.wanted});
                }
                break;
            case CheckSubject::weights:
                if (evidence.weights != nullptr)
                    checks.push_back(compare(item, *evidence.weights, 0, evidence.kinds));
                break;
            case CheckSubject::file:
                if (evidence.files != nullptr)
                    checks.push_back(compare(item, *evidence.files, item.index, evidence.kinds));
        }
    }
    for (std::size_t i = 0; plan.lists_tensors && i < model.tensors().size(); ++i) {
        if (evidence.row[i] && !listed.contains({CheckSubject::tensor, i}))
            checks.push_back(
                {CheckSubject::tensor, std::string(model.tensors()[i].info->name), Verdict::added});
    }
    for (std::size_t i = 0; plan.lists_files && everything && i < model.shards().size(); ++i) {
        if (!listed.contains({CheckSubject::file, i}))
            checks.push_back(
                {CheckSubject::file, std::string(base_name(model.shards()[i].file.name())), Verdict::added});
    }
    return checks;
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
    Verification result;
    Evidence evidence{kinds_of(plan), {}, {}};
    evidence.row.resize(model.tensors().size());
    evidence.resident.assign(model.tensors().size(), true);
    const auto place = [&](const Selected& one) {
        return static_cast<std::size_t>(one.tensor - model.tensors().data());
    };
    const bool everything = selection.everything() && !in_memory;
    for (const Selected& one : selected_tensors(model, selection)) {
        if (one.expert)
            throw Error(ErrorKind::usage, {model.name()},
                        "cannot verify single experts: manifests have digests of whole tensors");
    }
    if (in_memory) {
        const ResidentDigests found = digest_resident(model, evidence.kinds, selection, options);
        for (std::size_t i = 0; i < found.tensors.size(); ++i) {
            evidence.row[place(found.tensors[i])] = static_cast<std::uint32_t>(i);
            evidence.resident[place(found.tensors[i])] = found.resident[i];
        }
        evidence.tensors = &found.digests;
        result.bytes = found.bytes;
        result.checked = found.digested;
        result.complete = found.complete;
        if (result.complete) result.checks = judge(model, plan, evidence, everything);
        return result;
    }
    WeightRequest request{evidence.kinds, any_present(plan, CheckSubject::tensor), false, false, false,
                          selection};
    request.model = everything && any_present(plan, CheckSubject::weights);
    request.files = everything && any_present(plan, CheckSubject::file);
    const WeightReport found = digest_weights(model, request, options);
    for (std::size_t i = 0; i < found.tensors.size(); ++i) {
        evidence.row[place(found.tensors[i])] = static_cast<std::uint32_t>(i);
        result.bytes += found.tensors[i].where.range.size;
    }
    if (request.files) result.bytes = model.file_bytes();
    result.checked = result.bytes;
    result.complete = found.complete;
    evidence.tensors = &found.digests;
    if (request.model) evidence.weights = &found.model;
    if (request.files) evidence.files = &found.files;
    if (result.complete) result.checks = judge(model, plan, evidence, everything);
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
                named.hex};
    if (!read_in_order(model, {&whole, 1}, options, sinks)) return check;
    try {
        file.check_unchanged();
    } catch (const Error& error) {
        sink.error = error;
    }
    check.error = sink.error;
    check.found = sink.digest.hex();
    check.verdict = check.error                ? Verdict::unreadable
                    : check.found == named.hex ? Verdict::same
                                               : Verdict::different;
    return check;
}

}  // namespace ggufmap
