#include "detail/digest_sinks.hpp"

#include <algorithm>
#include <numeric>

namespace ggufmap::detail {

unsigned cost_of(DigestKind kind) {
    switch (kind) {
        case DigestKind::xxh3_64:
        case DigestKind::xxh3_128:
            return 1;
        case DigestKind::xxh64:
            return 3;
        case DigestKind::sha1:
        case DigestKind::uuid:
        case DigestKind::sha256:
            break;
    }
    return 22;
}

ExtentDigester::ExtentDigester(Results& results, std::vector<std::size_t> which)
    : results_(results), which_(std::move(which)) {}

unsigned ExtentDigester::cost() const {
    return std::transform_reduce(which_.begin(), which_.end(), 0U, std::plus<>(),
                                 [&](std::size_t k) { return cost_of(results_.kinds[k]); });
}

void ExtentDigester::take(std::size_t extent, Bytes bytes) {
    const std::size_t target = results_.target[extent];
    if (target == none) return;
    if (running_.empty()) {
        for (const std::size_t k : which_) running_.emplace_back(results_.kinds[k]);
    }
    for (Digest& digest : running_) digest.update(bytes);
}

void ExtentDigester::finish(std::size_t extent) {
    const std::size_t target = results_.target[extent];
    if (target == none) return;
    if (running_.empty()) take(extent, {});
    for (std::size_t i = 0; i < which_.size(); ++i)
        results_.digests.set(target, which_[i], running_[i].bytes());
    running_.clear();
}

void ExtentDigester::fail(std::size_t extent, const Error& error) {
    running_.clear();
    const std::size_t target = results_.target[extent];
    if (target == none) return;
    const std::scoped_lock lock(results_.errors);
    results_.digests.fail(target, std::make_shared<Error>(error));
}

JoinedDigester::JoinedDigester(DigestKind kind, std::vector<std::size_t> group, std::size_t groups)
    : kind_(kind), group_(std::move(group)), errors_(groups) {
    for (std::size_t i = 0; i < groups; ++i) digests_.emplace_back(kind);
}

void JoinedDigester::take(std::size_t extent, Bytes bytes) {
    if (group_[extent] != ExtentDigester::none) digests_[group_[extent]].update(bytes);
}

void JoinedDigester::fail(std::size_t extent, const Error& error) {
    const std::size_t group = group_[extent];
    if (group != ExtentDigester::none && !errors_[group]) errors_[group] = std::make_shared<Error>(error);
}

TensorScanner& Scanner::running(std::size_t target) {
    if (!running_) running_.emplace(results_.type[target]);
    return *running_;
}

void Scanner::take(std::size_t extent, Bytes bytes) {
    const std::size_t target = results_.target[extent];
    if (target != ExtentDigester::none) running(target).update(bytes);
}

void Scanner::finish(std::size_t extent) {
    const std::size_t target = results_.target[extent];
    if (target == ExtentDigester::none) return;
    results_.scans[target] = running(target).finish();
    running_.reset();
}

void Scanner::fail(std::size_t extent, const Error& error) {
    running_.reset();
    const std::size_t target = results_.target[extent];
    if (target != ExtentDigester::none) results_.scans[target].error = std::make_shared<Error>(error);
}

void Fork::take(std::size_t extent, Bytes bytes) {
    constexpr std::size_t chunk = std::size_t{256} << 10;
    while (!bytes.empty()) {
        const Bytes piece = bytes.first(std::min(chunk, bytes.size()));
        for (WeightSink* const sink : sinks_) sink->take(extent, piece);
        bytes = bytes.subspan(piece.size());
    }
}

void Fork::finish(std::size_t extent) {
    for (WeightSink* const sink : sinks_) sink->finish(extent);
}

void Fork::fail(std::size_t extent, const Error& error) {
    for (WeightSink* const sink : sinks_) sink->fail(extent, error);
}

}  // namespace ggufmap::detail
