// Shards that an interrupted run does not lose.
#include <fmt/format.h>

#include <utility>

#include "detail/fill_shard.hpp"
#include "detail/journal.hpp"
#include "detail/reread_shard.hpp"
#include "detail/shard_lists.hpp"
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
    journal_->require_plan(
        plan_line,
        "another model, or of another way to cut it: use the same options, or remove it to begin anew");
}

OutputFile ResumableShards::create(const std::string& name) const {
    OutputFile::Options output = options_.output;
    output.replace = true;  // what was not to be replaced was not there when the journal was begun
    const std::vector<FileIdentity> inputs = {plan_.source->identity()};
    return OutputFile::create(directory_, name, output, inputs);
}

bool ResumableShards::keep(const PlannedShard& shard) {
    if (!journal_->has_ending(" " + shard.name)) return false;
    auto found = detail::reread_shard(shard, *directory_, original_, options_.jobs, progress_);
    if (!found || !journal_->has(found->hex + " " + shard.name)) return false;
    original_ = std::move(found->original);
    progress_.add(shard.data.size);
    result_.checksums.push_back({shard.name, found->hex});
    return true;
}

std::string ResumableShards::write(const PlannedShard& shard, OutputFile& file) {
    result_.checksums.push_back(
        {shard.name, detail::fill_shard(shard, file, copier_, options_.jobs, &original_)});
    file.seal();
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
    // Of an older set: with new shards behind it, it would look whole.
    first.clear_place();
    detail::remove_old_lists(plan_, options_, *directory_);
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
