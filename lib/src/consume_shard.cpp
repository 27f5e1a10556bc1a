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
#include "detail/single_name.hpp"
#include "ggufmap/consume.hpp"
#include "ggufmap/digest.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap {
namespace {

constexpr std::string_view freed = "freed";

std::string hidden_name(const std::string& name) { return fmt::format(".{}.ggufmap-consumed", name); }

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
          copier_(Reflink::never, progress, options.jobs) {
        options_.output.durable = true;
    }

    ShardResult run(bool resume);

private:
    void open_journal(bool resume);
    void require_possible();
    void hide_source();
    std::string write(const PlannedShard& shard);
    /// Reads a shard that is in place: for the digest of the original, when its part of the model is gone.
    void take_over(const PlannedShard& shard);
    void require_readable_back(const OutputFile& file, const PlannedShard& shard, const std::string& wanted);
    void punch(Range range);
    std::optional<std::string> journalled(const PlannedShard& shard) const;
    std::vector<FileIdentity> inputs() const { return {plan_.source->identity()}; }

    const ShardPlan& plan_;
    ShardRun options_;
    Progress& progress_;
    SplitPath prefix_;
    SplitPath source_path_;
    std::shared_ptr<const OutputDirectory> directory_;
    std::shared_ptr<const OutputDirectory> source_directory_;
    Copier copier_;
    std::optional<detail::Journal> journal_;
    Digest original_{DigestKind::xxh3_128};
    Fd writable_;
    ShardResult result_;
};

void Consumer::open_journal(bool resume) {
    const std::string name = detail::Journal::hidden_name(prefix_.name);
    if (resume) journal_ = detail::Journal::open(directory_, name);
    if (!journal_) {
        require_possible();
        journal_ = detail::Journal::create(directory_, name);
    }
    journal_->require_plan("shard " + plan_.fingerprint(),
                           "another model, or of another way to cut it: use the same options");
}

// Before the first byte: one shard has to fit, and the file system must be able to free parts of a file.
void Consumer::require_possible() {
    ShardRun names = options_;
    names.reflink = Reflink::automatic;  // the data needs no space of its own
    require_runnable(plan_, names);
    std::uint64_t largest = 0;
    for (const PlannedShard& shard : plan_.shards) largest = std::max(largest, shard.size);
    if (const std::uint64_t free = directory_->free_bytes(); largest > free)
        throw Error(
            ErrorKind::io, {plan_.prefix},
            fmt::format("not enough space: {} bytes are needed for one shard, {} are free", largest, free),
            ENOSPC);
    source_directory_->require_writable();
    writable_ = plan_.source->reopen(O_RDWR);
    punch({plan_.source->size(), 1});  // behind the end: frees nothing
}

void Consumer::hide_source() {
    const std::string hidden = hidden_name(source_path_.name);
    const int at = source_directory_->fd();
    writable_ = plan_.source->reopen(O_RDWR);
    if (::renameat2(at, source_path_.name.c_str(), at, hidden.c_str(), RENAME_NOREPLACE) != 0 &&
        errno != ENOENT)
        throw io_error({plan_.source->name()}, "cannot rename", errno);
    source_directory_->sync();
}

std::optional<std::string> Consumer::journalled(const PlannedShard& shard) const {
    for (const std::string& line : journal_->lines())
        if (line.size() > 33 && line.substr(33) == shard.name) return line.substr(0, 32);
    return std::nullopt;
}

std::string Consumer::write(const PlannedShard& shard) {
    OutputFile::Options output = options_.output;
    output.replace = true;  // a shard that is there without a line in the journal was not finished
    OutputFile file = OutputFile::create(directory_, shard.name, output, inputs());
    std::string hex = detail::fill_shard(shard, file, copier_, options_.jobs, &original_);
    file.seal();
    require_readable_back(file, shard, hex);
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

void Consumer::take_over(const PlannedShard& shard) {
    const File file = File::open_at(directory_->fd(), shard.name, directory_->prefix() + shard.name);
    if (file.size() != shard.size)
        throw Error(ErrorKind::mismatch, {file.name()},
                    fmt::format("has {} bytes, the journal's has {}", file.size(), shard.size));
    NullSink nowhere;
    const Piece data = Piece::of(file, {shard.size - shard.data.size, shard.data.size});
    copier_.copy({&data, 1}, nowhere, 0, [&](const Piece&, Bytes bytes) { original_.update(bytes); });
}

void Consumer::punch(Range range) {
    if (range.empty()) return;
    if (::fallocate(writable_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    static_cast<off_t>(range.offset), static_cast<off_t>(range.size)) != 0)
        throw io_error({plan_.source->name(), {}, range.offset}, "cannot free what has been copied", errno);
}

ShardResult Consumer::run(bool resume) {
    open_journal(resume);
    hide_source();
    NullSink nowhere;
    const Piece head = Piece::of(*plan_.source, plan_.head);
    copier_.copy({&head, 1}, nowhere, 0, [&](const Piece&, Bytes bytes) { original_.update(bytes); });
    for (const PlannedShard& shard : plan_.shards) {
        auto hex = journalled(shard);
        if (hex) {
            take_over(shard);
        } else {
            hex = write(shard);
            journal_->append(*hex + " " + shard.name);
        }
        punch(shard.data);
        result_.checksums.push_back({shard.name, *hex});
    }
    result_.checksums.push_back({source_path_.name, original_.hex(), true});
    if (options_.checksums) {
        OutputFile::Options output = options_.output;
        output.replace = true;
        const std::string list = format_checksums(result_.checksums);
        OutputFile file =
            OutputFile::create(directory_, prefix_.name + std::string(checksum_suffix), output, inputs());
        file.write(0, as_bytes(list));
        file.commit();
    }
    journal_->append(std::string(freed));
    source_directory_->remove(hidden_name(source_path_.name));
    source_directory_->sync();
    journal_->remove();
    return std::move(result_);
}

}  // namespace

std::optional<File> open_consumed(const std::string& path, bool resume) {
    const SplitPath parts = split_path(path);
    const auto directory = OutputDirectory::open(parts.directory);
    if (resume && !directory->exists(parts.name)) {
        const std::string hidden = hidden_name(parts.name);
        if (!directory->exists(hidden)) return std::nullopt;
        return File::open_at(directory->fd(), hidden, path);
    }
    File file = File::open(path);
    detail::require_single_name(file, "empty it under all of them");
    return file;
}

bool finish_consumed(const std::string& prefix) {
    const SplitPath parts = split_path(prefix);
    auto journal = detail::Journal::open(OutputDirectory::open(parts.directory),
                                         detail::Journal::hidden_name(parts.name));
    if (!journal || !journal->has(std::string(freed))) return false;
    journal->remove();
    return true;
}

ShardResult consume(const ShardPlan& plan, const ShardRun& options, bool resume, Progress& progress) {
    return Consumer(plan, options, progress).run(resume);
}

}  // namespace ggufmap
