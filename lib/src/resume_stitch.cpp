// A result that an interrupted run does not lose.
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "detail/journal.hpp"
#include "detail/partial_file.hpp"
#include "detail/silent.hpp"
#include "ggufmap/digest.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/resume.hpp"

namespace ggufmap {
namespace {

using detail::Journal;
using detail::PartialFile;

// What a run loses at most when it is ended. A step waits for the disk, so it must not be small, either.
constexpr std::uint64_t step_bytes = 64ULL << 20;

/// Pieces [first, last) of the plan.
struct Step {
    std::size_t first, last;
    Range range;  ///< in the result
};

std::vector<Step> steps_of(const std::vector<Piece>& pieces) {
    std::vector<Step> steps;
    Step step{0, 0, {0, 0}};
    for (const Piece& piece : pieces) {
        if (step.range.size > 0 && step.range.size + piece.range.size > step_bytes) {
            steps.push_back(step);
            step = {step.last, step.last, {step.range.end(), 0}};
        }
        ++step.last;
        step.range.size += piece.range.size;
    }
    steps.push_back(step);
    return steps;
}

/// A piece that is larger than a step, in parts.
std::vector<Piece> cut(const std::vector<Piece>& pieces) {
    std::vector<Piece> parts;
    for (const Piece& piece : pieces) {
        if (piece.source == nullptr) {
            parts.push_back(piece);
            continue;
        }
        for (std::uint64_t at = 0; at < piece.range.size; at += step_bytes)
            parts.push_back(Piece::of(
                *piece.source, {piece.range.offset + at, std::min(step_bytes, piece.range.size - at)}));
    }
    return parts;
}

class ResumableStitch {
public:
    ResumableStitch(const StitchPlan& plan, const std::string& path, const StitchRun& options,
                    Progress& progress)
        : plan_(plan),
          shown_(path),
          path_(split_path(path)),
          options_(options),
          progress_(progress),
          directory_(OutputDirectory::open(path_.directory)),
          pieces_(cut(plan.pieces)) {}

    StitchResult run();

private:
    void open_journal();
    std::string plan_line() const;
    /// Reads a step of the unfinished file: true where the journal has it so.
    bool keep(std::size_t number, Range range, const File& written);
    void write(std::size_t number, const Step& step, PartialFile& partial);
    void check();

    const StitchPlan& plan_;
    std::string shown_;
    SplitPath path_;
    StitchRun options_;
    Progress& progress_;
    std::shared_ptr<const OutputDirectory> directory_;
    std::vector<Piece> pieces_;
    std::optional<Journal> journal_;
    Digest whole_{DigestKind::xxh3_128};
};

std::string ResumableStitch::plan_line() const {
    std::string text = fmt::format("{}\n", plan_.size);
    for (const File* file : plan_.sources()) {
        const FileIdentity& id = file->identity();
        text += fmt::format("{} {} {} {}\n", id.device, id.inode, id.size, id.modified_ns);
    }
    return "keep " + digest_hex(DigestKind::xxh3_128, as_bytes(text));
}

void ResumableStitch::open_journal() {
    const std::string name = Journal::hidden_name(path_.name);
    std::vector<FileIdentity> inputs;
    for (const File* file : plan_.sources()) inputs.push_back(file->identity());
    require_free_name(*directory_, path_.name, options_.output, inputs);
    journal_ = Journal::open(directory_, name);
    if (!journal_) {
        require_runnable(plan_, shown_, options_);
        journal_ = Journal::create(directory_, name);
    }
    journal_->require_plan(plan_line(),
                           "other shards, or of a --consume: remove it to begin anew, if it is of no use");
}

bool ResumableStitch::keep(std::size_t number, Range range, const File& written) {
    const std::string beginning = fmt::format("done {} ", number);
    if (!journal_->has_beginning(beginning) || written.size() < range.end()) return false;
    const Piece piece = Piece::of(written, range);
    Digest found(DigestKind::xxh3_128);
    Digest whole = whole_.copy();
    NullSink nowhere;
    detail::Silent silent(progress_);
    Copier(Reflink::never, silent, options_.jobs)
        .copy({&piece, 1}, nowhere, 0, [&](const Piece&, Bytes bytes) { found.update(bytes, &whole); });
    if (!journal_->has(beginning + found.hex())) return false;
    whole_ = std::move(whole);
    progress_.add(range.size);
    return true;
}

void ResumableStitch::write(std::size_t number, const Step& step, PartialFile& partial) {
    Digest digest(DigestKind::xxh3_128);
    const std::span<const Piece> pieces = std::span(pieces_).subspan(step.first, step.last - step.first);
    Copier(Reflink::never, progress_, options_.jobs)
        .copy(pieces, partial, step.range.offset,
              [&](const Piece&, Bytes bytes) { digest.update(bytes, &whole_); });
    partial.sync();
    for (const File* file : plan_.sources()) file->check_unchanged();
    journal_->append(fmt::format("done {} {}", number, digest.hex()));
}

// What differs is told by a run that only checks: it names the shard.
void ResumableStitch::check() {
    if (plan_.whole && whole_.hex() == plan_.whole->hex) return;
    NullSink nowhere;
    detail::Silent silent(progress_);
    ggufmap::run(plan_, nowhere, options_, silent);
    if (plan_.whole)
        throw Error(ErrorKind::mismatch, {shown_},
                    "the unfinished file is not what the shards give: remove it and its journal, begin anew");
}

StitchResult ResumableStitch::run() {
    open_journal();
    PartialFile partial = PartialFile::open(*directory_, path_.name, O_CREAT);
    partial.reserve(plan_.size);
    directory_->sync();
    const File written = partial.reread();
    const std::vector<Step> steps = steps_of(pieces_);
    for (std::size_t i = 0; i < steps.size(); ++i)
        if (!keep(i, steps[i].range, written)) write(i, steps[i], partial);
    const bool checks = options_.verify && !plan_.listed.empty();
    if (checks) check();
    partial.publish(*directory_, path_.name, options_.output.replace);
    journal_->remove();
    return {checks && plan_.unlisted().empty(), 0};
}

}  // namespace

StitchResult run_resumably(const StitchPlan& plan, const std::string& path, const StitchRun& options,
                           Progress& progress) {
    return ResumableStitch(plan, path, options, progress).run();
}

}  // namespace ggufmap
