// Writing safetensors files: shared blocks, copies, holes.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "ggufmap/error.hpp"
#include "ggufmap/hf/safetensors.hpp"

namespace ggufmap::hf {
namespace {

constexpr std::uint64_t copy_chunk = 4 << 20;

class Writer {
public:
    Writer(const Model& model, const SafetensorsFile& file, OutputFile& output, const ProgressSink& progress)
        : model_(model),
          source_(model.shards()[file.shard].file),
          file_(file),
          output_(output),
          progress_(progress) {}

    void header() { output_.write(0, as_bytes(file_.header)); }

    void hole() { output_.resize(file_.bytes()); }

    void all_tensors() {
        for (const SafetensorsEntry& entry : file_.entries) tensor(entry);
    }

    void reworked_tensors() {
        for (const SafetensorsEntry& entry : file_.entries)
            if (entry.tensor.rework != Rework::none) tensor(entry);
    }

    // Whole blocks are shared; the partial ones at both ends are copied. Not copy_file_range: it copies in
    // silence where it cannot share.
    void share(std::uint64_t block) {
        const Range range = file_.shared;
        const std::uint64_t first = std::min(round_up(range.offset, block), range.end());
        const std::uint64_t last = std::max(first, range.end() / block * block);
        copy({range.offset, first - range.offset});
        if (last > first) {
            const file_clone_range clone{.src_fd = source_.fd(),
                                         .src_offset = first,
                                         .src_length = last - first,
                                         .dest_offset = place_of(first)};
            if (::ioctl(output_.fd(), FICLONERANGE, &clone) != 0)
                throw io_error({output_.name()}, "cannot share blocks with " + source_.name(), errno);
            progress_(last - first);
        }
        copy({last, range.end() - last});
    }

private:
    static std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
        return (value + unit - 1) / unit * unit;
    }

    std::uint64_t place_of(std::uint64_t source_offset) const {
        return file_.header.size() + (source_offset - file_.shared.offset);
    }

    void copy(Range from) {
        std::vector<std::byte> bytes(std::min(from.size, copy_chunk));
        for (std::uint64_t at = from.offset; at < from.end(); at += bytes.size()) {
            const std::span<std::byte> part(bytes.data(),
                                            std::min<std::uint64_t>(bytes.size(), from.end() - at));
            source_.read_exactly(at, part);
            output_.write(place_of(at), part);
            progress_(part.size());
        }
    }

    void tensor(const SafetensorsEntry& entry) {
        const std::uint64_t begin = file_.header.size() + entry.data.offset;
        read_tensor(model_, entry.tensor, [&](std::uint64_t offset, Bytes piece) {
            output_.write(begin + offset, piece);
            progress_(piece.size());
        });
    }

    const Model& model_;
    const File& source_;
    const SafetensorsFile& file_;
    OutputFile& output_;
    const ProgressSink& progress_;
};

/// The greatest power of two on which both agree: that is what the layout was made for.
std::uint64_t common_block(const SafetensorsFile& file) {
    constexpr std::uint64_t largest = 64 << 10;  // XFS and btrfs have blocks of 4 to 64 KiB
    std::uint64_t block = largest;
    while (block > 1 && file.header.size() % block != file.shared.offset % block) block /= 2;
    return block;
}

}  // namespace

void write_safetensors(const Model& model, const SafetensorsFile& file, Weights weights, OutputFile& output,
                       const ProgressSink& progress) {
    Writer writer(model, file, output, progress);
    writer.header();
    switch (weights) {
        case Weights::none:
            break;
        case Weights::reflink:
            writer.share(common_block(file));
            writer.reworked_tensors();
            break;
        case Weights::copy:
            output.reserve(file.bytes());
            writer.all_tensors();
            break;
        case Weights::sparse:
            writer.hole();
            break;
    }
    model.check_unchanged();
}

bool can_reflink(const File& from, const OutputDirectory& directory) {
    const Fd probe(::openat(directory.fd(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!probe) return false;
    const file_clone_range clone{.src_fd = from.fd(), .src_offset = 0, .src_length = 0, .dest_offset = 0};
    return ::ioctl(probe.get(), FICLONERANGE, &clone) == 0;
}

}  // namespace ggufmap::hf
