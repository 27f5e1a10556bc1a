// Carries a StitchPlan out, and checks what passes by against the checksum list.
#include <fmt/format.h>

#include <cerrno>

#include "detail/silent.hpp"
#include "ggufmap/digest.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/huge_pages.hpp"
#include "ggufmap/stitch.hpp"

namespace ggufmap {
namespace {

/// Digests of the shards as their bytes pass; what the result does not need of them (their headers) is read
/// apart.
class ShardCheck {
public:
    ShardCheck(const StitchPlan& plan, Progress& progress) : plan_(plan), reader_(Reflink::never, progress) {}

    void pass(const Piece& piece, Bytes bytes) {
        if (piece.source == nullptr) return;
        if (piece.source != current_) {
            finish();
            current_ = piece.source;
            digest_.emplace(DigestKind::xxh3_128);
            hashed_ = 0;
            piece_ = nullptr;
        }
        if (&piece != piece_) {
            hash_up_to(piece.range.offset);
            piece_ = &piece;
        }
        digest_->update(bytes);
        hashed_ += bytes.size();
    }

    /// Throws Error (mismatch) if the shard that has passed is not as listed.
    void finish() {
        if (current_ == nullptr) return;
        hash_up_to(current_->size());
        const std::string name = split_path(current_->name()).name;
        const auto listed = find_checksum(plan_.listed, name);
        const std::string found = digest_->hex();
        if (listed && *listed != found)
            throw Error(
                ErrorKind::mismatch, {current_->name()},
                fmt::format("its XXH128 is {}, listed is {}: damaged or of another set", found, *listed));
        current_ = nullptr;
    }

private:
    void hash_up_to(std::uint64_t end) {
        NullSink nowhere;
        const Piece gap = Piece::of(*current_, {hashed_, end - hashed_});
        reader_.copy({&gap, 1}, nowhere, 0, [this](const Piece&, Bytes bytes) { digest_->update(bytes); });
        hashed_ = end;
    }

    const StitchPlan& plan_;
    Copier reader_;  // its own: what passes lies in the buffer of another
    const File* current_ = nullptr;
    const Piece* piece_ = nullptr;
    std::optional<Digest> digest_;
    std::uint64_t hashed_ = 0;
};

/// Checks the result against the list as its bytes pass: by the digest of the original where that is listed,
/// else shard by shard.
class Verification {
public:
    Verification(const StitchPlan& plan, Progress& progress)
        : plan_(plan), progress_(progress), shards_(plan, progress) {}

    void pass(const Piece& piece, Bytes bytes) {
        if (plan_.whole) {
            whole_.update(bytes);
        } else {
            shards_.pass(piece, bytes);
        }
    }
    /// Throws Error (mismatch) if what has passed is not as listed.
    void finish() {
        if (!plan_.whole) return shards_.finish();
        if (whole_.hex() != plan_.whole->hex) blame_a_shard();
    }

private:
    // Which shard is it? Only asked once the whole is known to be wrong.
    [[noreturn]] void blame_a_shard() {
        NullSink nowhere;
        Copier(Reflink::never, progress_)
            .copy(plan_.pieces, nowhere, 0,
                  [&](const Piece& piece, Bytes bytes) { shards_.pass(piece, bytes); });
        shards_.finish();
        throw Error(ErrorKind::mismatch, {plan_.sources().front()->name()},
                    fmt::format("the shards are as listed, but do not give the {} that is listed",
                                plan_.whole->name));
    }

    const StitchPlan& plan_;
    Progress& progress_;
    ShardCheck shards_;
    Digest whole_{DigestKind::xxh3_128};
};

void check_unchanged(const StitchPlan& plan) {
    for (const File* file : plan.sources()) file->check_unchanged();
}

}  // namespace

StitchResult run(const StitchPlan& plan, Sink& sink, const StitchRun& options, Progress& progress) {
    detail::Silent silent(progress);
    Copier copier(options.reflink, progress, options.jobs);
    Verification check(plan, silent);
    const bool checks = options.verify && !plan.listed.empty();
    const bool shares = options.reflink != Reflink::never;
    const Copier::Tap tap = [&](const Piece& piece, Bytes bytes) { check.pass(piece, bytes); };
    copier.copy(plan.pieces, sink, 0, checks && !shares ? tap : Copier::Tap());
    if (checks && shares) {  // shared extents pass nobody's eyes
        NullSink nowhere;
        Copier(Reflink::never, silent, options.jobs).copy(plan.pieces, nowhere, 0, tap);
    }
    if (checks) check.finish();
    sink.finish();
    check_unchanged(plan);
    return {checks, copier.shared_bytes()};
}

void require_runnable(const StitchPlan& plan, const std::string& path, const StitchRun& options) {
    const SplitPath parts = split_path(path);
    const auto directory = OutputDirectory::open(parts.directory);
    directory->require_writable();
    std::vector<FileIdentity> inputs;
    for (const File* file : plan.sources()) inputs.push_back(file->identity());
    require_free_name(*directory, parts.name, options.output, inputs);
    if (options.output.huge_pages) {
        require_huge_pages(directory->fd(), plan.size, path);
        return;
    }
    if (options.reflink != Reflink::never) return;
    if (const std::uint64_t free = directory->free_bytes(); plan.size > free)
        throw Error(ErrorKind::io, {path},
                    fmt::format("not enough space: {} bytes are needed, {} are free", plan.size, free),
                    ENOSPC);
}

StitchResult run(const StitchPlan& plan, const std::string& path, const StitchRun& options,
                 Progress& progress) {
    require_runnable(plan, path, options);
    std::vector<FileIdentity> inputs;
    for (const File* file : plan.sources()) inputs.push_back(file->identity());
    OutputFile file = OutputFile::create(path, options.output, inputs);
    if (options.reflink == Reflink::never) {
        file.reserve(plan.size);
    } else {
        file.resize(plan.size);
    }
    FileSink sink(file, options.reflink == Reflink::never ? plan.size : 0, options.jobs);
    const StitchResult result = run(plan, sink, options, progress);
    file.commit();
    return result;
}

}  // namespace ggufmap
