// Sinks that make digests and scans of what a reader delivers.
#pragma once

#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "ggufmap/digest.hpp"
#include "ggufmap/scan.hpp"
#include "ggufmap/weight_digests.hpp"
#include "ggufmap/weights.hpp"

namespace ggufmap::detail {

/// A byte's cost as WeightSink::cost counts it.
unsigned cost_of(DigestKind kind);

/// One digest of each kind for each extent.
class ExtentDigester final : public WeightSink {
public:
    /// Digest `kinds[k]` of extent i goes to row target[i], place k of the table for every k in `which`;
    /// extents whose target is `none` are passed over. Several sinks may share the results.
    static constexpr std::size_t none = ~std::size_t{0};
    struct Results {
        Results(const std::vector<DigestKind>& of, std::vector<std::size_t> to, DigestTable& into)
            : kinds(of), target(std::move(to)), digests(into) {}

        const std::vector<DigestKind>& kinds;
        std::vector<std::size_t> target;
        DigestTable& digests;
        std::mutex errors;
    };
    ExtentDigester(Results& results, std::vector<std::size_t> which);

    void take(std::size_t extent, Bytes bytes) override;
    void finish(std::size_t extent) override;
    void fail(std::size_t extent, const Error& error) override;
    unsigned cost() const override;

private:
    Results& results_;
    std::vector<std::size_t> which_;
    std::vector<Digest> running_;
};

/// One digest of each group of extents, the group's extents behind one another.
class JoinedDigester final : public WeightSink {
public:
    /// Extent i belongs to group `group[i]`, or to none (ExtentDigester::none).
    JoinedDigester(DigestKind kind, std::vector<std::size_t> group, std::size_t groups);

    void take(std::size_t extent, Bytes bytes) override;
    void finish(std::size_t) override {}
    void fail(std::size_t extent, const Error& error) override;
    unsigned cost() const override { return cost_of(kind_); }

    /// May be asked once a group.
    std::vector<std::byte> bytes(std::size_t group) { return digests_[group].bytes(); }
    const std::shared_ptr<const Error>& error(std::size_t group) const { return errors_[group]; }

private:
    DigestKind kind_;
    std::vector<std::size_t> group_;
    std::vector<Digest> digests_;
    std::vector<std::shared_ptr<const Error>> errors_;
};

/// One scan for each extent that is a tensor.
class Scanner final : public WeightSink {
public:
    struct Results {
        Results(std::vector<std::size_t> to, std::vector<TensorScan>& into)
            : target(std::move(to)), scans(into) {}

        std::vector<std::size_t> target;  ///< as in ExtentDigester::Results
        std::vector<std::uint32_t> type;  ///< by target
        std::vector<TensorScan>& scans;   ///< by target
    };
    explicit Scanner(Results& results) : results_(results) {}

    void take(std::size_t extent, Bytes bytes) override;
    void finish(std::size_t extent) override;
    void fail(std::size_t extent, const Error& error) override;

private:
    TensorScanner& running(std::size_t target);

    Results& results_;
    std::optional<TensorScanner> running_;
};

/// Hands everything to several sinks, in pieces small enough for the processor's L2 cache.
class Fork final : public WeightSink {
public:
    explicit Fork(std::vector<WeightSink*> sinks) : sinks_(std::move(sinks)) {}

    void take(std::size_t extent, Bytes bytes) override;
    void finish(std::size_t extent) override;
    void fail(std::size_t extent, const Error& error) override;

private:
    std::vector<WeightSink*> sinks_;
};

}  // namespace ggufmap::detail
