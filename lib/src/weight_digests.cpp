#include "ggufmap/weight_digests.hpp"

#include <algorithm>
#include <deque>
#include <numeric>

#include "detail/digest_sinks.hpp"
#include "ggufmap/layout.hpp"

namespace ggufmap {
namespace {

using detail::ExtentDigester;
using detail::Fork;
using detail::JoinedDigester;
using detail::Scanner;

bool is_slow(const std::vector<DigestKind>& kinds) {
    return std::any_of(kinds.begin(), kinds.end(),
                       [](DigestKind kind) { return detail::cost_of(kind) > 10; });
}

// All kinds but uuid, which only models have.
std::vector<std::size_t> plain_kinds(const std::vector<DigestKind>& kinds) {
    std::vector<std::size_t> which;
    for (std::size_t k = 0; k < kinds.size(); ++k) {
        if (kinds[k] != DigestKind::uuid) which.push_back(k);
    }
    return which;
}

// What is read, and which tensor (index into WeightReport::tensors) each extent is.
struct Route {
    std::vector<ShardRange> extents;
    std::vector<std::size_t> tensor;
};

Route over_tensors(const std::vector<Selected>& selected) {
    Route route;
    for (const Selected& one : selected) {
        route.tensor.push_back(route.extents.size());
        route.extents.push_back(one.where);
    }
    return route;
}

Route over_files(const Model& model) {
    Route route;
    for (std::uint32_t i = 0; i < model.shards().size(); ++i) {
        route.extents.push_back({i, {0, model.shards()[i].file.size()}});
        route.tensor.push_back(ExtentDigester::none);
    }
    return route;
}

// Every byte of every file, and the tensors among them. Nothing where tensors overlap or do not lie in the
// order in which they are asked for.
std::optional<Route> over_everything(const Model& model, const std::vector<Selected>& selected) {
    Route route;
    std::size_t next = 0;
    for (std::uint32_t shard = 0; shard < model.shards().size(); ++shard) {
        std::uint64_t at = 0;
        const auto skip_to = [&](std::uint64_t offset) {
            if (offset > at) {
                route.extents.push_back({shard, {at, offset - at}});
                route.tensor.push_back(ExtentDigester::none);
            }
            at = offset;
        };
        for (; next < selected.size() && selected[next].where.shard == shard; ++next) {
            const Range range = selected[next].where.range;
            if (range.offset < at) return std::nullopt;
            skip_to(range.offset);
            route.extents.push_back({shard, range});
            route.tensor.push_back(next);
            at = range.end();
        }
        skip_to(model.shards()[shard].file.size());
    }
    if (next != selected.size()) return std::nullopt;
    return route;
}

// One examination while it runs.
class Run {
public:
    Run(const Model& model, const WeightRequest& request, const ReadOptions& options)
        : model_(model), request_(request), options_(options) {
        result_.kinds = request.kinds;
        result_.tensors = selected_tensors(model, request.selection);
        result_.digests = DigestTable(request.kinds, result_.tensors.size());
        if (request.files) result_.files = DigestTable(request.kinds, model.shards().size());
        if (request.model) result_.model = DigestTable(request.kinds, 1);
        if (request.scan) result_.scans.resize(result_.tensors.size());
    }

    WeightReport go() {
        const bool weights = request_.tensors || request_.model || request_.scan;
        const auto together =
            weights && request_.files ? over_everything(model_, result_.tensors) : std::nullopt;
        if (together) {
            in_order(*together, true);
        } else {
            if (weights && request_.model) in_order(over_tensors(result_.tensors), false);
            if (weights && !request_.model) each(over_tensors(result_.tensors), false);
            if (request_.files) each(over_files(model_), true);
        }
        if (result_.complete) void_what_changed();
        return std::move(result_);
    }

private:
    ExtentDigester::Results& tensor_results(const Route& route) {
        return results_.emplace_back(request_.kinds, route.tensor, result_.digests);
    }
    ExtentDigester::Results& file_results(std::vector<std::size_t> target) {
        return results_.emplace_back(request_.kinds, std::move(target), result_.files);
    }
    Scanner::Results& scan_results(const Route& route) {
        Scanner::Results& results = scan_results_.emplace_back(route.tensor, result_.scans);
        for (const Selected& one : result_.tensors) results.type.push_back(one.tensor->info->type);
        return results;
    }

    void each(const Route& route, bool files);
    void in_order(const Route& route, bool files);
    void void_what_changed();

    const Model& model_;
    const WeightRequest& request_;
    const ReadOptions& options_;
    WeightReport result_;
    std::deque<ExtentDigester::Results> results_;
    std::deque<Scanner::Results> scan_results_;
};

// Extents on many threads: nothing asks for their order.
void Run::each(const Route& route, bool files) {
    std::vector<std::size_t> all(route.extents.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    ExtentDigester::Results& digests = files ? file_results(all) : tensor_results(route);
    Scanner::Results* const scans = request_.scan && !files ? &scan_results(route) : nullptr;
    const std::vector<std::size_t> which =
        files || request_.tensors ? plain_kinds(request_.kinds) : std::vector<std::size_t>();
    std::deque<ExtentDigester> digesters;
    std::deque<Scanner> scanners;
    std::deque<Fork> forks;
    const auto make = [&]() -> WeightSink& {
        std::vector<WeightSink*> sinks;
        if (!which.empty()) sinks.push_back(&digesters.emplace_back(digests, which));
        if (scans != nullptr) sinks.push_back(&scanners.emplace_back(*scans));
        return sinks.size() == 1 ? *sinks.front() : forks.emplace_back(std::move(sinks));
    };
    result_.complete &=
        read_each(model_, route.extents, options_, make, !which.empty() && is_slow(request_.kinds));
}

// Digests that run through many extents. Each is a sink of its own: that is what can go to several threads.
void Run::in_order(const Route& route, bool files) {
    std::deque<ExtentDigester> tensor_digests;
    std::deque<JoinedDigester> model_digests;
    std::deque<JoinedDigester> file_digests;
    std::optional<Scanner> scanner;
    std::vector<WeightSink*> sinks;

    const std::vector<std::size_t> plain = plain_kinds(request_.kinds);
    if (request_.tensors) {
        ExtentDigester::Results& results = tensor_results(route);
        for (const std::size_t k : plain)
            sinks.push_back(&tensor_digests.emplace_back(results, std::vector<std::size_t>{k}));
    }
    if (request_.model) {
        std::vector<std::size_t> group;
        for (const std::size_t tensor : route.tensor)
            group.push_back(tensor == ExtentDigester::none ? tensor : 0);
        for (const DigestKind kind : request_.kinds)
            sinks.push_back(&model_digests.emplace_back(kind, group, 1));
    }
    if (files) {
        std::vector<std::size_t> group;
        for (const ShardRange& extent : route.extents) group.push_back(extent.shard);
        for (const std::size_t k : plain)
            sinks.push_back(&file_digests.emplace_back(request_.kinds[k], group, result_.files.size()));
    }
    if (request_.scan) sinks.push_back(&scanner.emplace(scan_results(route)));
    result_.complete &= read_in_order(model_, route.extents, options_, sinks);

    const auto collect = [](JoinedDigester& from, std::size_t group, DigestTable& into, std::size_t k) {
        into.set(group, k, from.bytes(group));
        if (from.error(group)) into.fail(group, from.error(group));
    };
    for (std::size_t k = 0; k < model_digests.size(); ++k) collect(model_digests[k], 0, result_.model, k);
    for (std::size_t k = 0; k < file_digests.size(); ++k) {
        for (std::size_t i = 0; i < result_.files.size(); ++i)
            collect(file_digests[k], i, result_.files, plain[k]);
    }
}

// A digest of half the old and half the new bytes is a digest of nothing.
void Run::void_what_changed() {
    for (std::uint32_t shard = 0; shard < model_.shards().size(); ++shard) {
        try {
            model_.shards()[shard].file.check_unchanged();
        } catch (const Error& why) {
            const auto error = std::make_shared<Error>(why);
            for (std::size_t i = 0; i < result_.tensors.size(); ++i) {
                if (result_.tensors[i].where.shard != shard) continue;
                result_.digests.fail(i, error);
                if (request_.scan) result_.scans[i].error = error;
            }
            if (request_.model) result_.model.fail(0, error);
            if (request_.files) result_.files.fail(shard, error);
        }
    }
}

// Tensors that lie on one another would let a small file be read for hours.
void require_no_more_than_the_files(const Model& model, const std::vector<Selected>& selected) {
    std::vector<std::uint64_t> left;
    for (const Shard& shard : model.shards()) left.push_back(shard.file.size());
    for (const Selected& one : selected) {
        std::uint64_t& rest = left[one.where.shard];
        if (one.where.range.size > rest)
            throw Error(ErrorKind::malformed, {model.shards()[one.where.shard].file.name()},
                        "tensors overlap: together they are larger than the file");
        rest -= one.where.range.size;
    }
}

}  // namespace

DigestTable::DigestTable(const std::vector<DigestKind>& kinds, std::size_t things) : things_(things) {
    for (const DigestKind kind : kinds) {
        columns_.push_back({kind, row_bytes_});
        row_bytes_ += 1 + digest_size(kind);
    }
    rows_.resize(row_bytes_ * things);
}

void DigestTable::set(std::size_t thing, std::size_t kind, Bytes digest) {
    const auto at = rows_.begin() + static_cast<std::ptrdiff_t>(thing * row_bytes_ + columns_[kind].offset);
    *at = std::byte{1};
    std::copy(digest.begin(), digest.end(), at + 1);
}

Bytes DigestTable::digest(std::size_t thing, std::size_t kind) const {
    const Column& column = columns_[kind];
    const Bytes cell = Bytes(rows_).subspan(thing * row_bytes_ + column.offset, 1 + digest_size(column.kind));
    return cell.front() == std::byte{0} ? Bytes() : cell.subspan(1);
}

std::string DigestTable::hex(std::size_t thing, std::size_t kind) const {
    return hex_of(columns_[kind].kind, digest(thing, kind));
}

void DigestTable::fail(std::size_t thing, std::shared_ptr<const Error> error) {
    errors_[thing] = std::move(error);
}

const Error* DigestTable::error(std::size_t thing) const {
    const auto found = errors_.find(thing);
    return found == errors_.end() ? nullptr : found->second.get();
}

std::vector<Selected> selected_tensors(const Model& model, const Selection& selection) {
    std::vector<Selected> selected = selection.of(model);
    std::erase_if(selected, [](const Selected& one) { return one.tensor == nullptr; });
    require_no_more_than_the_files(model, selected);
    const auto place = [&](const Selected& one) { return one.tensor - model.tensors().data(); };
    const auto before = [&](const Selected& a, const Selected& b) { return place(a) < place(b); };
    if (!std::is_sorted(selected.begin(), selected.end(), before))
        std::stable_sort(selected.begin(), selected.end(), before);
    return selected;
}

WeightReport digest_weights(const Model& model, const WeightRequest& request, const ReadOptions& options) {
    model.require_complete();
    return Run(model, request, options).go();
}

}  // namespace ggufmap
