// A model in the place of its shards.
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <utility>

#include "detail/journal.hpp"
#include "detail/lone_run.hpp"
#include "detail/partial_file.hpp"
#include "detail/shard_room.hpp"
#include "detail/silent.hpp"
#include "detail/single_name.hpp"
#include "ggufmap/consume.hpp"
#include "ggufmap/digest.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap {
namespace {

using detail::Journal;
using detail::PartialFile;

constexpr std::string_view ready = "ready";

std::string done(std::size_t part) { return fmt::format("done {}", part); }

/// A shard as the journal remembers it.
struct Part {
    std::uint64_t device, inode, file_size;  ///< so that no other file is ever removed
    std::uint64_t from, size, at;            ///< its data, and where that goes
    std::string listed;                      ///< XXH128 of the whole file, or "-"
    std::string path;                        ///< absolute

    std::string line() const {
        return fmt::format("{} {} {} {} {} {} {} {}", device, inode, file_size, from, size, at, listed, path);
    }
    static std::optional<Part> parse(std::string_view line) {
        Part part{};
        for (std::uint64_t* field :
             {&part.device, &part.inode, &part.file_size, &part.from, &part.size, &part.at}) {
            const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), *field);
            if (error != std::errc() || end == line.data() + line.size() || *end != ' ') return std::nullopt;
            line.remove_prefix(static_cast<std::size_t>(end - line.data()) + 1);
        }
        const auto blank = line.find(' ');
        if (blank == std::string_view::npos) return std::nullopt;
        part.listed = line.substr(0, blank);
        part.path = line.substr(blank + 1);
        return part;
    }
};

class StitchConsumer {
public:
    StitchConsumer(const std::string& path, Progress& progress)
        : path_(split_path(path)), directory_(OutputDirectory::open(path_.directory)), progress_(progress) {}

    void begin(StitchPlan plan);
    bool resume();

private:
    std::string partial_name() const { return PartialFile::hidden_name(path_.name); }
    std::string journal_name() const { return Journal::hidden_name(path_.name); }
    File open(const Part& part) const;
    void take(const Part& part, const File& file, PartialFile& partial);
    void hash(const Piece& piece, Digest& digest) const;
    void remove(const Part& part) const;
    void go_on(PartialFile& partial);
    void write_rest(const StitchPlan& plan, PartialFile& partial);
    /// Where no shard is taken yet: removes what there is of this run.
    bool undone();
    Error with_advice(const Error& error) const;

    SplitPath path_;
    std::shared_ptr<const OutputDirectory> directory_;
    Progress& progress_;
    std::optional<Journal> journal_;
};

std::vector<Part> parts_of(const StitchPlan& plan) {
    std::vector<Part> parts;
    for (const File* file : plan.sources())
        parts.push_back({file->identity().device, file->identity().inode, file->size(), 0, 0, 0,
                         find_checksum(plan.listed, split_path(file->name()).name).value_or("-"),
                         std::filesystem::absolute(file->name()).string()});
    const std::vector<const File*> sources = plan.sources();
    std::uint64_t offset = 0;
    for (const Piece& piece : plan.pieces) {
        if (piece.source != nullptr) {
            const auto index = std::find(sources.begin(), sources.end(), piece.source) - sources.begin();
            Part& part = parts[static_cast<std::size_t>(index)];
            if (part.size != 0)
                throw Error(ErrorKind::unsupported, {piece.source->name()},
                            "is aligned otherwise than the result: stitch it without --consume");
            part.from = piece.range.offset;
            part.size = piece.range.size;
            part.at = offset;
        }
        offset += piece.range.size;
    }
    return parts;
}

void StitchConsumer::begin(StitchPlan plan) {
    require_consumable(plan, directory_->prefix() + path_.name);
    if (!plan.listed.empty()) {
        NullSink nowhere;
        run(plan, nowhere, {}, progress_);
    }
    const std::vector<Part> parts = parts_of(plan);
    if (const auto other = Journal::open(directory_, journal_name()); other && other->has_beginning("keep "))
        throw Error(ErrorKind::io, {directory_->prefix() + journal_name()},
                    "is of a run without --consume: go on with that one first", EEXIST);
    journal_ = Journal::create(directory_, journal_name());
    try {
        for (const Part& part : parts) journal_->append(part.line());
        PartialFile partial = PartialFile::open(*directory_, path_.name, O_CREAT | O_TRUNC);
        write_rest(plan, partial);
        plan = {};  // a shard that is open frees nothing when it goes
        journal_->append(std::string(ready));
        go_on(partial);
    } catch (const Error& error) {
        if (undone()) throw;
        throw with_advice(error);
    }
}

// What comes from no shard: the header, and zeros.
void StitchConsumer::write_rest(const StitchPlan& plan, PartialFile& partial) {
    std::uint64_t offset = 0;
    Copier copier(Reflink::never, progress_);
    for (const Piece& piece : plan.pieces) {
        if (piece.source == nullptr) copier.copy({&piece, 1}, partial, offset);
        offset += piece.range.size;
    }
    partial.sync();
    directory_->sync();
}

// The journal first: one that names a file that is gone would stand in the way of the next run.
bool StitchConsumer::undone() try {
    if (journal_->has(done(0))) return false;
    journal_->remove();
    directory_->remove(partial_name());
    return true;
} catch (const Error&) {
    return false;
}

Error StitchConsumer::with_advice(const Error& error) const {
    return Error(
        error.kind(), error.where(),
        fmt::format("{}; the model is whole in the shards and {}{}: run the same command with --resume",
                    error.reason(), directory_->prefix(), partial_name()),
        error.error_number());
}

bool StitchConsumer::resume() {
    journal_ = Journal::open(directory_, journal_name());
    if (!journal_) return false;
    if (journal_->has_beginning("keep ")) return false;  // of a run that frees nothing
    if (!journal_->has(std::string(ready))) {
        directory_->remove(partial_name());
        journal_->remove();
        return false;
    }
    if (!directory_->exists(partial_name()) && directory_->exists(path_.name)) {
        journal_->remove();  // it has its name already
        return true;
    }
    PartialFile partial = PartialFile::open(*directory_, path_.name, 0);
    try {
        go_on(partial);
    } catch (const Error& error) {
        throw with_advice(error);
    }
    return true;
}

void StitchConsumer::hash(const Piece& piece, Digest& digest) const {
    NullSink nowhere;
    detail::Silent silent(progress_);
    Copier(Reflink::never, silent).copy({&piece, 1}, nowhere, 0, [&](const Piece&, Bytes bytes) {
        digest.update(bytes);
    });
}

// Locked as long as it is open: no other result takes it, too.
File StitchConsumer::open(const Part& part) const {
    File file = File::open(part.path);
    const FileIdentity& found = file.identity();
    if (found.device != part.device || found.inode != part.inode || found.size != part.file_size)
        throw Error(ErrorKind::mismatch, {part.path}, "is not the shard that was to be consumed");
    detail::require_lone_run(file.fd(), part.path);
    if (!OutputDirectory::open(split_path(part.path).directory)->holds(split_path(part.path).name, found))
        throw io_error({part.path}, "was taken by another run", ENOENT);
    return file;
}

void StitchConsumer::take(const Part& part, const File& file, PartialFile& partial) {
    Digest sent(DigestKind::xxh3_128);
    Digest whole(DigestKind::xxh3_128);
    Copier copier(Reflink::never, progress_);
    const Range data{part.from, part.size};
    hash(Piece::of(file, {0, data.offset}), whole);
    const Piece piece = Piece::of(file, data);
    copier.copy({&piece, 1}, partial, part.at,
                [&](const Piece&, Bytes bytes) { sent.update(bytes, &whole); });
    hash(Piece::of(file, {data.end(), file.size() - data.end()}), whole);
    if (part.listed != "-" && whole.hex() != part.listed)
        throw Error(ErrorKind::mismatch, {part.path},
                    fmt::format("its XXH128 is {}, listed is {}: damaged", whole.hex(), part.listed));
    file.check_unchanged();
    partial.sync();

    Digest stored(DigestKind::xxh3_128);
    const File written = partial.reread();
    hash(Piece::of(written, {part.at, part.size}), stored);
    if (sent.hex() != stored.hex())
        throw Error(ErrorKind::io, {written.name()},
                    "does not read back as it was written: is the disk failing?", EIO);
}

void StitchConsumer::remove(const Part& part) const {
    const SplitPath path = split_path(part.path);
    const auto directory = OutputDirectory::open(path.directory);
    if (!directory->exists(path.name)) return;
    const FileIdentity found = File::open(part.path).identity();
    if (found.device == part.device && found.inode == part.inode) directory->remove(path.name);
}

void StitchConsumer::go_on(PartialFile& partial) {
    std::vector<Part> parts;
    for (const std::string& line : journal_->lines()) {
        if (line == ready) break;
        auto part = Part::parse(line);
        if (!part) throw Error(ErrorKind::malformed, {journal_name()}, "not a journal of gguf-stitch");
        parts.push_back(std::move(*part));
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
        std::optional<File> shard;
        if (!journal_->has(done(i))) {
            shard = open(parts[i]);
            take(parts[i], *shard, partial);
            journal_->append(done(i));
        }
        remove(parts[i]);
    }
    partial.publish(*directory_, path_.name, false);
    journal_->remove();
}

}  // namespace

void require_consumable(const StitchPlan& plan, const std::string& path) {
    std::uint64_t largest = 0;
    for (const File* file : plan.sources()) {
        detail::require_single_name(*file, "free nothing");
        OutputDirectory::open(split_path(file->name()).directory)->require_writable();
        largest = std::max(largest, file->size());
    }
    detail::require_room_for_one(*OutputDirectory::open(split_path(path).directory), path, largest);
}

void consume(StitchPlan plan, const std::string& path, Progress& progress) {
    StitchConsumer(path, progress).begin(std::move(plan));
}

bool resume_consume(const std::string& path, Progress& progress) {
    return StitchConsumer(path, progress).resume();
}

}  // namespace ggufmap
