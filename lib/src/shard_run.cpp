// Carries a ShardPlan out.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <utility>

#include "detail/fill_shard.hpp"
#include "detail/gang.hpp"
#include "detail/shard_lists.hpp"
#include "detail/turnstile.hpp"
#include "ggufmap/digest.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/shard.hpp"

namespace ggufmap {
namespace {

// Beyond this many, finished shards wait for their publication under a hidden name and closed, so that a set
// of thousands stays below the usual limit of 1024 open files.
constexpr std::size_t most_open = 200;

// Threads that wait for the disk while the next shard is filled: 220 shards of 200 KiB took 1.0 s with one,
// 0.3 s with eight.
constexpr std::size_t sealing_threads = 8;

class ShardWriter {
public:
    ShardWriter(const ShardPlan& plan, const ShardRun& options, Progress& progress)
        : plan_(plan),
          options_(options),
          progress_(progress),
          prefix_(split_path(plan.prefix)),
          directory_(OutputDirectory::open(prefix_.directory)),
          copier_(options.reflink, progress, options.jobs) {
        options_.output.named = options.output.named || plan.shards.size() > most_open;
    }

    ShardResult run();

private:
    bool wanted(std::size_t index) const { return !options_.only || options_.only(index); }
    /// All that are wanted: filled one after the other, made durable by several threads at once.
    void write_shards();
    void write(const PlannedShard& shard);
    void seal(OutputFile& file) const;
    void write_list(const std::string& name, const std::vector<Checksum>& checksums);
    /// Hashes without writing: shared extents pass nobody's eyes.
    std::string hash_apart(const PlannedShard& shard);
    OutputFile create(const std::string& name) {
        const std::vector<FileIdentity> inputs = {plan_.source->identity()};
        return OutputFile::create(directory_, name, options_.output, inputs);
    }

    const ShardPlan& plan_;
    ShardRun options_;
    Progress& progress_;
    SplitPath prefix_;
    std::shared_ptr<const OutputDirectory> directory_;
    Copier copier_;
    std::optional<Digest> original_;
    std::vector<OutputFile> files_;
    ShardResult result_;
};

std::string ShardWriter::hash_apart(const PlannedShard& shard) {
    Digest digest(DigestKind::xxh3_128);
    NullSink nowhere;
    Copier reader(Reflink::never, progress_, options_.jobs);
    reader.copy(shard.pieces, nowhere, 0, [&](const Piece& piece, Bytes bytes) {
        digest.update(bytes, original_ && piece.source != nullptr ? &*original_ : nullptr);
    });
    return digest.hex();
}

void ShardWriter::write(const PlannedShard& shard) {
    OutputFile file = create(shard.name);
    const bool shares = options_.reflink != Reflink::never;
    std::string hex;
    if (options_.checksums && !shares) {
        hex = detail::fill_shard(shard, file, copier_, options_.jobs, original_ ? &*original_ : nullptr);
    } else {
        if (shares) {
            file.resize(shard.size);
        } else {
            file.reserve(shard.size);
        }
        FileSink sink(file, shares ? 0 : shard.size, options_.jobs);
        copier_.copy(shard.pieces, sink, 0);
        if (options_.checksums) hex = hash_apart(shard);
        sink.finish();
    }
    files_.push_back(std::move(file));
    if (!options_.checksums) return;
    const Checksum checksum{shard.name, hex};
    result_.checksums.push_back(checksum);
    if (options_.only) write_list(shard.name + std::string(checksum_suffix), {checksum});
}

void ShardWriter::write_list(const std::string& name, const std::vector<Checksum>& checksums) {
    OutputFile list = create(name);
    list.write(0, as_bytes(format_checksums(checksums)));
    files_.push_back(std::move(list));
}

void ShardWriter::seal(OutputFile& file) const {
    file.seal();
    if (options_.output.named) file.park();
}

// The digest of the original takes one shard at a time; waiting for the disk is what small ones spend theirs
// on.
void ShardWriter::write_shards() {
    std::vector<std::size_t> todo;
    for (std::size_t i = 0; i < plan_.shards.size(); ++i)
        if (wanted(i)) todo.push_back(i);
    files_.reserve(2 * todo.size() + 1);  // nothing moves while others seal: a shard, a list, and that of all
    std::atomic<std::size_t> next = 0;
    detail::Turnstile turnstile;
    detail::Gang gang;
    const auto threads = static_cast<unsigned>(std::clamp<std::size_t>(todo.size(), 1, sealing_threads));
    gang.run_up_to(threads, [&](unsigned) {
        try {
            for (std::size_t number = next++; number < todo.size(); number = next++) {
                if (!turnstile.wait(number)) return;
                const std::size_t first = files_.size();
                write(plan_.shards[todo[number]]);
                const std::span<OutputFile> made = std::span(files_).subspan(first);
                turnstile.pass();
                for (OutputFile& file : made) seal(file);
            }
        } catch (...) {
            turnstile.fail();
            throw;
        }
    });
}

ShardResult ShardWriter::run() {
    require_runnable(plan_, options_);
    if (options_.checksums && !options_.only) {
        original_.emplace(DigestKind::xxh3_128);
        NullSink nowhere;
        const Piece head = Piece::of(*plan_.source, plan_.head);
        copier_.copy({&head, 1}, nowhere, 0, [&](const Piece&, Bytes bytes) { original_->update(bytes); });
    }
    write_shards();
    if (original_) {
        const auto name = name_in_list(*directory_, *plan_.source);
        result_.checksums.push_back(
            {name.value_or(split_path(plan_.source->name()).name), original_->hex(), !name});
        write_list(prefix_.name + std::string(checksum_suffix), result_.checksums);
        seal(files_.back());
    }
    plan_.source->check_unchanged();
    detail::remove_old_lists(plan_, options_, *directory_);
    publish_together(files_);
    if (options_.output.durable) directory_->sync();
    result_.shared_bytes = copier_.shared_bytes();
    return std::move(result_);
}

}  // namespace

void require_runnable(const ShardPlan& plan, const ShardRun& options) {
    const SplitPath prefix = split_path(plan.prefix);
    const auto directory = OutputDirectory::open(prefix.directory);
    directory->require_writable();
    const std::vector<FileIdentity> inputs = {plan.source->identity()};
    std::vector<std::string> names;
    std::uint64_t needed = 0;
    for (std::size_t i = 0; i < plan.shards.size(); ++i) {
        if (options.only && !options.only(i)) continue;
        const PlannedShard& shard = plan.shards[i];
        needed += options.reflink == Reflink::never ? shard.size : shard.size - shard.data.size;
        names.push_back(shard.name);
    }
    for (std::string& name : detail::list_names(plan, options)) names.push_back(std::move(name));
    for (const std::string& name : names) require_free_name(*directory, name, options.output, inputs);
    if (const std::uint64_t free = directory->free_bytes(); needed > free)
        throw Error(ErrorKind::io, {directory->prefix().empty() ? "." : directory->prefix()},
                    fmt::format("not enough space: {} bytes are needed, {} are free", needed, free), ENOSPC);
}

ShardResult run(const ShardPlan& plan, const ShardRun& options, Progress& progress) {
    return ShardWriter(plan, options, progress).run();
}

}  // namespace ggufmap
