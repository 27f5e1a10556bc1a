// --extract: the raw bytes of a tensor, moved by the kernel where it can.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "common/progress.hpp"
#include "gguf-inspect/views.hpp"
#include "ggufmap/output.hpp"

namespace ggufmap::inspect {
namespace {

/// One call moves this much at most, so that progress is seen and signals are heeded.
constexpr std::size_t step_bytes = 8 << 20;
constexpr std::size_t buffer_bytes = 256 * 1024;

/// A tensor on its way to a descriptor. Each way of moving bytes returns what it moved, or nothing where the
/// kernel does not go that way between these two files.
class Transfer {
public:
    Transfer(const File& from, int to, std::string shown) : from_(from), to_(to), shown_(std::move(shown)) {}

    std::size_t move(Range range) {
        if (range.size > step_bytes) range.size = step_bytes;
        if (const auto moved = by_kernel(range)) return *moved;
        return by_hand(range);
    }

private:
    enum class Way { copy, send, hand };

    // copy_file_range shares extents or copies inside the file system; sendfile hands pages to pipes and
    // sockets.
    std::optional<std::size_t> by_kernel(Range range) {
        while (way_ != Way::hand) {
            auto offset = static_cast<off_t>(range.offset);
            const ssize_t moved = way_ == Way::copy
                                      ? ::copy_file_range(from_.fd(), &offset, to_, nullptr, range.size, 0)
                                      : ::sendfile(to_, from_.fd(), &offset, range.size);
            if (moved > 0) return static_cast<std::size_t>(moved);
            if (moved < 0 && errno == EINTR) continue;
            if (moved < 0 &&
                (errno == EPIPE || errno == ENOSPC || errno == EIO || errno == EFBIG || errno == EDQUOT))
                throw io_error({shown_}, "cannot write", errno);
            way_ = way_ == Way::copy ? Way::send : Way::hand;  // EXDEV, EINVAL ...: another way
        }
        return std::nullopt;
    }

    std::size_t by_hand(Range range) {
        buffer_.resize(std::min<std::uint64_t>(range.size, buffer_bytes));
        from_.read_exactly(range.offset, buffer_);
        for (std::size_t done = 0; done < buffer_.size();) {
            const ssize_t written = ::write(to_, buffer_.data() + done, buffer_.size() - done);
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) throw io_error({shown_}, "cannot write", errno);
            done += static_cast<std::size_t>(written);
        }
        return buffer_.size();
    }

    const File& from_;
    int to_;
    std::string shown_;
    Way way_ = Way::copy;
    std::vector<std::byte> buffer_;
};

const ModelTensor& find(const Subject& subject, const std::string& name, const cli::Args& args, cli::Io& io) {
    if (!subject.model->has_files())
        throw Error(ErrorKind::usage, {},
                    "--extract needs a file: a pipe is read to the end of its header only");
    const ModelTensor* tensor = subject.model->find_tensor(name);
    const Error::Where where{subject.name, fmt::format("tensor '{}'", name)};
    if (tensor == nullptr) tell_errors(subject, args, io);  // a missing shard, perhaps
    if (tensor == nullptr)
        throw Error(ErrorKind::mismatch, {subject.name}, fmt::format("no tensor '{}'", name));
    if (!tensor->range)
        throw Error(ErrorKind::unsupported, where,
                    fmt::format("type {} is unknown, and so is the size", tensor->info->type));
    const std::uint64_t file_bytes = subject.model->shards()[tensor->shard].file.size();
    if (tensor->range->end() > file_bytes)
        throw Error(ErrorKind::malformed, where,
                    fmt::format("truncated: {} bytes are missing", tensor->range->end() - file_bytes));
    return *tensor;
}

void transfer(const File& from, Range range, int to, const std::string& shown, const cli::Args& args,
              cli::Io& io) {
    const std::stop_token stop = io.stop_token();
    cli::Progress progress(io, args.has("--quiet"), "extracting", range.size);
    Transfer transfer(from, to, shown);
    while (!range.empty()) {
        if (stop.stop_requested()) throw Error(ErrorKind::io, {shown}, "interrupted", EINTR);
        const std::size_t moved = transfer.move(range);
        progress.add(moved);
        range = {range.offset + moved, range.size - moved};
    }
    from.check_unchanged();
}

}  // namespace

cli::Status extract(const Subject& subject, const cli::Args& args, cli::Io& io) {
    const ModelTensor& tensor = find(subject, *args.text("--extract"), args, io);
    const File& file = subject.model->shards()[tensor.shard].file;
    const std::string target = args.text("--output").value_or("-");
    if (target == "-") {
        if (io.terminal(cli::Stream::out).present)
            throw Error(ErrorKind::usage, {},
                        "--extract writes bytes: send them to a file or a pipe, or use --output");
        transfer(file, *tensor.range, io.output_fd(), "standard output", args, io);
        return cli::Status::ok;
    }
    const std::array inputs = {file.identity()};
    OutputFile output = OutputFile::create(target, {.replace = args.has("--force")}, inputs);
    transfer(file, *tensor.range, output.fd(), output.name(), args, io);
    output.commit();
    return cli::Status::ok;
}

}  // namespace ggufmap::inspect
