// Shards in the place of their model.
#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "detail/fill_shard.hpp"
#include "detail/journal.hpp"
#include "detail/lone_run.hpp"
#include "detail/reread_shard.hpp"
#include "detail/shard_room.hpp"
#include "detail/silent.hpp"
#include "detail/single_name.hpp"
#include "ggufmap/consume.hpp"
#include "ggufmap/digest.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap {
namespace {

constexpr std::string_view freed = "freed";

std::string hidden_name(const std::string& name) { return fmt::format(".{}.ggufmap-consumed", name); }

// One shard has to fit, and its names must be free.
void require_room(const ShardPlan& plan, ShardRun options) {
    options.reflink = Reflink::automatic;  // the data needs no space of its own
    require_runnable(plan, options);
    std::uint64_t largest = 0;
    for (const PlannedShard& shard : plan.shards) largest = std::max(largest, shard.size);
    detail::require_room_for_one(*OutputDirectory::open(split_path(plan.prefix).directory), plan.prefix,
                                 largest);
    const SplitPath source = split_path(plan.source->name());
    const auto source_directory = OutputDirectory::open(source.directory);
    source_directory->require_writable();
    require_free_name(*source_directory, hidden_name(source.name), {}, {});
}

class Consumer {
public:
    Consumer(const ShardPlan& plan, const ShardRun& options, Progress& progress)
        : plan_(plan),
          options_(options),
          progress_(progress),
          prefix_(split_path(plan.prefix)),
          source_path_(split_path(plan.source->name())),
          directory_(OutputDirectory::open(prefix_.directory)),
          source_directory_(OutputDirectory::open(source_path_.directory)),
          source_(plan.source->identity()),
          copier_(Reflink::never, progress, options.jobs) {
        options_.output.durable = true;
    }

    ShardResult run(bool resume);

private:
    void open_journal(bool resume);
    void require_same_source();
    void require_holes();
    ShardResult consume_all();
    /// Makes a shard durable, unless it is so already, and frees its part of the model. Its digest.
    std::string move(const PlannedShard& shard, Digest* original);
    void require_unwritten() const;
    void free(Range range);
    bool is_hidden() const;
    bool is_source(const std::string& name) const;
    void hide_source();
    std::string write(const PlannedShard& shard, Digest* original);
    /// The digest of a shard that an earlier run has made durable, if it is still right; its data go to
    /// `original`, too.
    std::optional<std::string> keep(const PlannedShard& shard, Digest* original);
    /// Where a shard is not what the journal has: the model must give that still.
    void require_not_freed(const PlannedShard& shard, const std::string& wanted);
    void hash_first(const PlannedShard& shard);
    void write_list();
    /// Where nothing is freed yet: removes what there is of this run.
    bool undone();
    std::string how_to_go_on() const;
    void require_readable_back(const OutputFile& file, const PlannedShard& shard, const std::string& wanted);
    void punch(const Fd& writable, Range range) const;
    std::optional<std::string> journalled(const PlannedShard& shard) const;
    std::vector<FileIdentity> inputs() const { return {plan_.source->identity()}; }

    const ShardPlan& plan_;
    ShardRun options_;
    Progress& progress_;
    SplitPath prefix_;
    SplitPath source_path_;
    std::shared_ptr<const OutputDirectory> directory_;
    std::shared_ptr<const OutputDirectory> source_directory_;
    FileIdentity source_;  ///< as we have left it
    Copier copier_;
    std::optional<detail::Journal> journal_;
    Digest original_{DigestKind::xxh3_128};
    Fd writable_;                            ///< the model, once it is hidden
    std::optional<std::string> unrecorded_;  ///< a shard that may be in place without a line in the journal
    ShardResult result_;
};

void Consumer::open_journal(bool resume) {
    const std::string name = detail::Journal::hidden_name(prefix_.name);
    if (resume) {
        journal_ = detail::Journal::open(directory_, name);
    } else {
        detail::Journal::require_none(*directory_, name);
    }
    if (!journal_) {
        require_room(plan_, options_);
        require_holes();
        journal_ = detail::Journal::create(directory_, name);
    }
    journal_->require_plan(fmt::format("shard {} {} {}", source_.device, source_.inode, plan_.fingerprint()),
                           "another model, or of another way to cut it: use the same options");
    require_same_source();
}

// Punching holes changes the time, too, so it tells something only up to the first one.
void Consumer::require_same_source() {
    constexpr std::string_view beginning = "modified ";
    const std::string line = fmt::format("{}{}", beginning, source_.modified_ns);
    if (!journal_->has_beginning(beginning)) journal_->append(line);
    if (!is_hidden() && !journal_->has(line))
        throw Error(ErrorKind::mismatch, {plan_.source->name()},
                    "was written to since the run that is to be resumed");
}

// The file system must be able to free parts of a file.
void Consumer::require_holes() {
    const Fd writable = plan_.source->reopen(O_RDWR);
    punch(writable, {plan_.source->size(), 1});  // behind the end: frees nothing
    source_ = identify(writable.get(), plan_.source->name());
}

bool Consumer::is_hidden() const { return source_directory_->exists(hidden_name(source_path_.name)); }

bool Consumer::is_source(const std::string& name) const {
    struct stat status {};
    if (::fstatat(source_directory_->fd(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) return false;
        throw io_error({source_directory_->prefix() + name}, "cannot stat", errno);
    }
    return status.st_dev == source_.device && status.st_ino == source_.inode;
}

// Not before the first part of it goes: until then it is a model. Never another file that has its name by
// now.
void Consumer::hide_source() {
    if (writable_) return;
    const std::string hidden = hidden_name(source_path_.name);
    const int at = source_directory_->fd();
    const auto rename = [&](const std::string& from, const std::string& to) {
        return ::renameat2(at, from.c_str(), at, to.c_str(), RENAME_NOREPLACE) == 0;
    };
    if (is_source(source_path_.name) && !rename(source_path_.name, hidden))
        throw io_error({plan_.source->name()}, "cannot rename", errno);
    if (!is_source(hidden)) {
        if (is_hidden()) rename(hidden, source_path_.name);  // replaced at the last moment
        throw Error(ErrorKind::mismatch, {plan_.source->name()}, "was moved or replaced while it was read");
    }
    source_directory_->sync();
    writable_ = plan_.source->reopen(O_RDWR);
}

std::optional<std::string> Consumer::journalled(const PlannedShard& shard) const {
    for (const std::string& line : journal_->lines())
        if (line.size() > 33 && line.substr(33) == shard.name) return line.substr(0, 32);
    return std::nullopt;
}

std::string Consumer::write(const PlannedShard& shard, Digest* original) {
    OutputFile::Options output = options_.output;
    output.replace = true;  // a shard that is there without a line in the journal was not finished
    OutputFile file = OutputFile::create(directory_, shard.name, output, inputs());
    std::string hex = detail::fill_shard(shard, file, copier_, options_.jobs, original);
    file.seal();
    require_readable_back(file, shard, hex);
    require_unwritten();
    unrecorded_ = shard.name;
    file.publish();
    directory_->sync();
    return hex;
}

void Consumer::require_readable_back(const OutputFile& file, const PlannedShard& shard,
                                     const std::string& wanted) {
    const File written = File::adopt(Fd(::fcntl(file.fd(), F_DUPFD_CLOEXEC, 0)), file.name());
    NullSink nowhere;
    Digest digest(DigestKind::xxh3_128);
    const Piece all = Piece::of(written, {0, shard.size});
    Copier(Reflink::never, progress_).copy({&all, 1}, nowhere, 0, [&](const Piece&, Bytes bytes) {
        digest.update(bytes);
    });
    if (digest.hex() != wanted)
        throw Error(ErrorKind::io, {file.name()},
                    "does not read back as it was written: is the disk failing?", EIO);
}

std::optional<std::string> Consumer::keep(const PlannedShard& shard, Digest* original) {
    auto wanted = journalled(shard);
    if (!wanted) return std::nullopt;
    auto found = detail::reread_shard(shard, *directory_, original_, options_.jobs, progress_);
    if (!found || found->hex != *wanted) {
        require_not_freed(shard, *wanted);
        return std::nullopt;
    }
    if (original != nullptr) *original = std::move(found->original);
    return wanted;
}

void Consumer::require_not_freed(const PlannedShard& shard, const std::string& wanted) {
    NullSink nowhere;
    Digest digest(DigestKind::xxh3_128);
    detail::Silent silent(progress_);
    Copier(Reflink::never, silent, options_.jobs)
        .copy(shard.pieces, nowhere, 0, [&](const Piece&, Bytes bytes) { digest.update(bytes); });
    if (digest.hex() != wanted)
        throw Error(ErrorKind::mismatch, {directory_->prefix() + shard.name},
                    "is not as it was written, and its part of the model is freed");
}

// It is written last.
void Consumer::hash_first(const PlannedShard& shard) {
    if (keep(shard, &original_)) return;
    NullSink nowhere;
    const Piece data = Piece::of(*plan_.source, shard.data);
    copier_.copy({&data, 1}, nowhere, 0, [&](const Piece&, Bytes bytes) { original_.update(bytes); });
}

void Consumer::punch(const Fd& writable, Range range) const {
    if (::fallocate(writable.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    static_cast<off_t>(range.offset), static_cast<off_t>(range.size)) != 0)
        throw io_error({plan_.source->name(), {}, range.offset}, "cannot free what has been copied", errno);
}

void Consumer::require_unwritten() const {
    if (identify(plan_.source->fd(), plan_.source->name()) != source_)
        throw Error(ErrorKind::mismatch, {plan_.source->name()}, "the file was written to while it was read");
}

void Consumer::free(Range range) {
    if (range.empty()) return;
    require_unwritten();
    hide_source();
    punch(writable_, range);
    source_ = identify(plan_.source->fd(), plan_.source->name());
}

std::string Consumer::move(const PlannedShard& shard, Digest* original) {
    auto hex = keep(shard, original);
    if (!hex) {
        hex = write(shard, original);
        journal_->append(*hex + " " + shard.name);
        unrecorded_.reset();
    }
    free(shard.data);
    return *hex;
}

void Consumer::write_list() {
    OutputFile::Options output = options_.output;
    output.replace = true;
    const std::string name = prefix_.name + std::string(checksum_suffix);
    OutputFile file = OutputFile::create(directory_, name, output, inputs());
    file.write(0, as_bytes(format_checksums(result_.checksums)));
    file.commit();
}

// The first shard comes last, so that a set that has it is whole; in the digest of the original it is first.
ShardResult Consumer::consume_all() {
    NullSink nowhere;
    const Piece head = Piece::of(*plan_.source, plan_.head);
    copier_.copy({&head, 1}, nowhere, 0, [&](const Piece&, Bytes bytes) { original_.update(bytes); });
    const PlannedShard& first = plan_.shards.front();
    hash_first(first);
    result_.checksums.push_back({first.name, {}});
    for (std::size_t i = 1; i < plan_.shards.size(); ++i)
        result_.checksums.push_back({plan_.shards[i].name, move(plan_.shards[i], &original_)});
    result_.checksums.front().hex = move(first, nullptr);
    result_.checksums.push_back({source_path_.name, original_.hex(), true});
    if (options_.checksums) write_list();
    hide_source();
    journal_->append(std::string(freed));
    source_directory_->remove(hidden_name(source_path_.name));
    source_directory_->sync();
    journal_->remove();
    return std::move(result_);
}

bool Consumer::undone() try {
    if (writable_ || is_hidden() || journal_->has(std::string(freed))) return false;
    for (const PlannedShard& shard : plan_.shards)
        if (journalled(shard) || unrecorded_ == shard.name) directory_->remove(shard.name);
    directory_->sync();
    journal_->remove();
    return true;
} catch (const Error&) {
    return false;
}

std::string Consumer::how_to_go_on() const {
    constexpr std::string_view advice = "run the same command with --resume";
    if (journal_->has(std::string(freed))) return fmt::format("the shards are whole: {}", advice);
    const std::string name = is_hidden() ? hidden_name(source_path_.name) : source_path_.name;
    return fmt::format("the model is whole in the shards and {}{}: {}", source_directory_->prefix(), name,
                       advice);
}

ShardResult Consumer::run(bool resume) {
    detail::require_lone_run(plan_.source->fd(), plan_.source->name());
    plan_.source->check_unchanged();
    open_journal(resume);
    try {
        return consume_all();
    } catch (const Error& error) {
        if (undone()) throw;
        throw Error(error.kind(), error.where(), fmt::format("{}; {}", error.reason(), how_to_go_on()),
                    error.error_number());
    }
}

}  // namespace

std::optional<File> open_consumed(const std::string& path, bool resume) {
    const SplitPath parts = split_path(path);
    const auto directory = OutputDirectory::open(parts.directory);
    if (!directory->exists(parts.name)) {
        const std::string hidden = hidden_name(parts.name);
        const bool begun = directory->exists(hidden);
        if (begun && resume) return File::open_at(directory->fd(), hidden, path);
        if (begun)
            throw Error(ErrorKind::io, {path}, "--consume was begun: --resume goes on with it", ENOENT);
        if (resume) return std::nullopt;
    }
    File file = File::open(path);
    detail::require_single_name(file, "empty it under all of them");
    return file;
}

bool is_begun(const std::string& output) {
    const SplitPath parts = split_path(output);
    return OutputDirectory::open(parts.directory)->exists(detail::Journal::hidden_name(parts.name));
}

bool finish_consumed(const std::string& prefix) {
    const SplitPath parts = split_path(prefix);
    auto journal = detail::Journal::open(OutputDirectory::open(parts.directory),
                                         detail::Journal::hidden_name(parts.name));
    if (!journal || !journal->has(std::string(freed))) return false;
    journal->remove();
    return true;
}

void require_consumable(const ShardPlan& plan, const ShardRun& options, bool resume) {
    const SplitPath prefix = split_path(plan.prefix);
    const auto directory = OutputDirectory::open(prefix.directory);
    const std::string name = detail::Journal::hidden_name(prefix.name);
    if (!resume) detail::Journal::require_none(*directory, name);
    if (!directory->exists(name)) require_room(plan, options);
}

ShardResult consume(const ShardPlan& plan, const ShardRun& options, bool resume, Progress& progress) {
    return Consumer(plan, options, progress).run(resume);
}

}  // namespace ggufmap
