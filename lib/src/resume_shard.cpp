// Shards that an interrupted run does not lose.
#include <fmt/format.h>

#include <utility>

#include "detail/journal.hpp"
#include "detail/silent.hpp"
#include "ggufmap/digest.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/resume.hpp"

namespace ggufmap {
namespace {

class ResumableShards {
public:
    ResumableShards(const ShardPlan& plan, const ShardRun& options, Progress& progress)
        : plan_(plan),
          options_(options),
          progress_(progress),
          prefix_(split_path(plan.prefix)),
          directory_(OutputDirectory::open(prefix_.directory)),
          copier_(Reflink::never, progress, options.jobs) {
        options_.output.durable = true;
    }

    ShardResult run();

private:
    void open_journal();
    /// Reads a shard: true where it is as the journal has it.
    bool keep(const PlannedShard& shard);
    std::string write(const PlannedShard& shard, OutputFile& file);
    OutputFile create(const std::string& name) const;
    void write_list();

    const ShardPlan& plan_;
    ShardRun options_;
    Progress& progress_;
    SplitPath prefix_;
    std::shared_ptr<const OutputDirectory> directory_;
    Copier copier_;
    std::optional<detail::Journal> journal_;
    Digest original_{DigestKind::xxh3_128};
    ShardResult result_;
};

void ResumableShards::open_journal() {
    const std::string name = detail::Journal::hidden_name(prefix_.name);
    const FileIdentity& source = plan_.source->identity();
    const std::string plan_line =
        fmt::format("keep {} {} {} {}", source.device, source.inode, source.modified_ns, plan_.fingerprint());
    journal_ = detail::Journal::open(directory_, name);
    if (!journal_) {
        require_runnable(plan_, options_);
        journal_ = detail::Journal::create(directory_, name);
    }
    if (journal_->lines().empty()) journal_->append(plan_line);
    if (journal_->lines().front() != plan_line)
        throw Error(
            ErrorKind::mismatch, {directory_->prefix() + name},
            "the journal is that of another model, or of another way to cut it: use the same options, "
            "or remove it to begin anew");
}

OutputFile ResumableShards::create(const std::string& name) const {
    OutputFile::Options output = options_.output;
    output.replace = true;  // what was not to be replaced was not there when the journal was begun
    const std::vector<FileIdentity> inputs = {plan_.source->identity()};
    return OutputFile::create(directory_, name, output, inputs);
}

bool ResumableShards::keep(const PlannedShard& shard) {
    if (!journal_->has_ending(" " + shard.name) || !directory_->exists(shard.name)) return false;
    const File file = File::open_at(directory_->fd(), shard.name, directory_->prefix() + shard.name);
    if (file.size() != shard.size) return false;
    Digest found(DigestKind::xxh3_128);
    const auto read = [&](Range range, Progress& progress, const Copier::Tap& tap) {
        NullSink nowhere;
        const Piece piece = Piece::of(file, range);
        Copier(Reflink::never, progress, options_.jobs).copy({&piece, 1}, nowhere, 0, tap);
    };
    detail::Silent silent(progress_);
    read({0, shard.size}, silent, [&](const Piece&, Bytes bytes) { found.update(bytes); });
    const std::string hex = found.hex();
    if (!journal_->has(hex + " " + shard.name)) return false;
    // Once it is known to be right: its part of the original's digest, from pages that have just been read.
    const std::uint64_t header = shard.size - shard.data.size;
    read({header, shard.data.size}, progress_, [&](const Piece&, Bytes bytes) { original_.update(bytes); });
    result_.checksums.push_back({shard.name, hex});
    return true;
}

std::string ResumableShards::write(const PlannedShard& shard, OutputFile& file) {
    file.reserve(shard.size);
    FileSink sink(file, shard.size, options_.jobs);
    Digest digest(DigestKind::xxh3_128);
    copier_.copy(shard.pieces, sink, 0, [&](const Piece& piece, Bytes bytes) {
        digest.update(bytes);
        if (piece.source != nullptr) original_.update(bytes);
    });
    sink.finish();
    file.seal();
    result_.checksums.push_back({shard.name, digest.hex()});
    return result_.checksums.back().hex;
}

void ResumableShards::write_list() {
    const auto name = name_in_list(*directory_, *plan_.source);
    result_.checksums.push_back(
        {name.value_or(split_path(plan_.source->name()).name), original_.hex(), !name});
    if (!options_.checksums) return;
    OutputFile list = create(prefix_.name + std::string(checksum_suffix));
    list.write(0, as_bytes(format_checksums(result_.checksums)));
    list.commit();
}

ShardResult ResumableShards::run() {
    open_journal();
    NullSink nowhere;
    const Piece head = Piece::of(*plan_.source, plan_.head);
    copier_.copy({&head, 1}, nowhere, 0, [&](const Piece&, Bytes bytes) { original_.update(bytes); });
    OutputFile first = create(plan_.shards.front().name);
    write(plan_.shards.front(), first);
    for (std::size_t i = 1; i < plan_.shards.size(); ++i) {
        const PlannedShard& shard = plan_.shards[i];
        if (keep(shard)) continue;
        OutputFile file = create(shard.name);
        const std::string hex = write(shard, file);
        plan_.source->check_unchanged();
        file.publish();
        directory_->sync();
        journal_->append(hex + " " + shard.name);
    }
    plan_.source->check_unchanged();
    write_list();
    first.commit();
    journal_->remove();
    return std::move(result_);
}

}  // namespace

ShardResult run_resumably(const ShardPlan& plan, const ShardRun& options, Progress& progress) {
    return ResumableShards(plan, options, progress).run();
}

}  // namespace ggufmap
