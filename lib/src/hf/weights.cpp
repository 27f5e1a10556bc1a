// Writing safetensors files: shared blocks, copies, holes.
#include <array>
#include <cerrno>

#include "ggufmap/error.hpp"
#include "ggufmap/hf/safetensors.hpp"

namespace ggufmap::hf {
namespace {

void write_tensor(const Model& model, const SafetensorsFile& file, const SafetensorsEntry& entry,
                  OutputFile& output, Progress& progress) {
    const std::uint64_t begin = file.header.size() + entry.data.offset;
    read_tensor(model, entry.tensor, [&](std::uint64_t offset, Bytes piece) {
        if (progress.stop_requested()) throw io_error({output.name()}, "stopped", EINTR);
        output.write(begin + offset, piece);
        progress.add(piece.size());
    });
}

// Whole blocks are shared, the partial ones at both ends copied; then come the tensors that are not as the
// GGUF has them.
void write_shared(const Model& model, const SafetensorsFile& file, OutputFile& output, Progress& progress) {
    const std::array pieces = {Piece::of(model.shards()[file.shard].file, file.shared)};
    FileSink sink(output);
    if (file.shared.size != 0) Copier(Reflink::always, progress).copy(pieces, sink, file.header.size());
    sink.finish();
    for (const SafetensorsEntry& entry : file.entries)
        if (entry.tensor.rework != Rework::none) write_tensor(model, file, entry, output, progress);
}

}  // namespace

void write_safetensors(const Model& model, const SafetensorsFile& file, Weights weights, OutputFile& output,
                       Progress& progress) {
    output.write(0, as_bytes(file.header));
    switch (weights) {
        case Weights::none:
            break;
        case Weights::reflink:
            write_shared(model, file, output, progress);
            break;
        case Weights::copy:
            output.reserve(file.bytes());
            for (const SafetensorsEntry& entry : file.entries)
                write_tensor(model, file, entry, output, progress);
            break;
        case Weights::sparse:
            output.resize(file.bytes());
            break;
    }
    model.check_unchanged();
}

}  // namespace ggufmap::hf
