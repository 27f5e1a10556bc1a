// Carries a StitchPlan out, and checks what passes by against the checksum list.
#include <fmt/format.h>

#include <cerrno>
#include <set>

#include "detail/silent.hpp"
#include "ggufmap/digest.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/huge_pages.hpp"
#include "ggufmap/stitch.hpp"

namespace ggufmap {
namespace {

/// Digests of the listed shards as their bytes pass; what the result does not need of them (their headers) is
/// read apart.
class ShardCheck {
public:
    ShardCheck(const StitchPlan& plan, Progress& progress) : plan_(plan), reader_(Reflink::never, progress) {}

    /// What these bytes belong to besides the result; null for those of no listed shard.
    Digest* digest_for(const Piece& piece, Bytes bytes) {
        if (piece.source == nullptr) return nullptr;
        if (piece.source != current_) {
            finish_current();
            begin(*piece.source);
        }
        if (!listed_) return nullptr;
        if (&piece != piece_) {
            hash_up_to(piece.range.offset);
            piece_ = &piece;
        }
        hashed_ += bytes.size();
        return &*digest_;
    }

    /// After the last byte has passed. Throws Error (mismatch), as digest_for() does, for a shard that is not
    /// as listed.
    void finish() {
        finish_current();
        for (const File* file : plan_.sources()) {
            if (seen_.contains(file)) continue;
            begin(*file);  // without tensors: nothing of it goes into the result
            finish_current();
        }
    }

private:
    void begin(const File& file) {
        seen_.insert(&file);
        current_ = &file;
        listed_ = find_checksum(plan_.listed, split_path(file.name()).name);
        digest_.emplace(DigestKind::xxh3_128);
        hashed_ = 0;
        piece_ = nullptr;
    }

    void finish_current() {
        if (!listed_) return;
        hash_up_to(current_->size());
        const std::string found = digest_->hex();
        if (*listed_ != found)
            throw Error(
                ErrorKind::mismatch, {current_->name()},
                fmt::format("its XXH128 is {}, listed is {}: damaged or of another set", found, *listed_));
        listed_.reset();
    }

    void hash_up_to(std::uint64_t end) {
        NullSink nowhere;
        const Piece gap = Piece::of(*current_, {hashed_, end - hashed_});
        reader_.copy({&gap, 1}, nowhere, 0, [this](const Piece&, Bytes bytes) { digest_->update(bytes); });
        hashed_ = end;
    }

    const StitchPlan& plan_;
    Copier reader_;  // its own: what passes lies in the buffer of another
    std::set<const File*> seen_;
    const File* current_ = nullptr;
    std::optional<std::string> listed_;  ///< of the current shard, until that is checked
    const Piece* piece_ = nullptr;
    std::optional<Digest> digest_;
    std::uint64_t hashed_ = 0;
};

/// Checks shards and result against the list as their bytes pass.
class Verification {
public:
    Verification(const StitchPlan& plan, Progress& progress) : plan_(plan), shards_(plan, progress) {}

    void pass(const Piece& piece, Bytes bytes) {
        Digest* const shard = shards_.digest_for(piece, bytes);
        Digest* const whole = plan_.whole ? &whole_ : nullptr;
        if (shard != nullptr) {
            shard->update(bytes, whole);
        } else if (whole != nullptr) {
            whole->update(bytes);
        }
    }
    /// Throws Error (mismatch) if what has passed is not as listed.
    void finish() {
        shards_.finish();
        if (plan_.whole && whole_.hex() != plan_.whole->hex)
            throw Error(ErrorKind::mismatch, {plan_.sources().front()->name()},
                        fmt::format("the shards are as listed, but do not give the {} that is listed",
                                    plan_.whole->name));
    }

private:
    const StitchPlan& plan_;
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
    return {checks && plan.unlisted().empty(), copier.shared_bytes()};
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
