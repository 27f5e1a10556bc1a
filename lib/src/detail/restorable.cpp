#include "detail/restorable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "ggufmap/checked.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/write.hpp"

namespace ggufmap::detail {
namespace {

[[noreturn]] void refuse(const File& file, std::string place, std::optional<std::uint64_t> offset,
                         const std::string& reason) {
    throw Error(ErrorKind::unsupported, {file.name(), std::move(place), offset},
                reason + ": GGUF shards would not restore it byte for byte, raw pieces (--raw) do");
}

void require_contiguous(const File& file, const Gguf& gguf) {
    std::uint64_t expected = 0;
    for (const Tensor& tensor : gguf.tensors()) {
        if (tensor.offset != expected)
            refuse(file, fmt::format("tensor '{}'", tensor.name), tensor.where.end() - 8,
                   fmt::format("tensor offset {}, wanted {} (a gap, an overlap or another order)",
                               tensor.offset, expected));
        // Model::require_complete has found the tensor inside the file, so nothing wraps.
        expected = *checked::align_up(tensor.offset + *tensor.bytes, gguf.alignment());
    }
}

void require_plain_end(const File& file, const Gguf& gguf) {
    const std::uint64_t end = *gguf.data_end();
    const std::uint64_t padded = *checked::align_up(end, gguf.alignment());
    if (file.size() == end || file.size() == padded) return;
    if (file.size() > padded)
        refuse(file, {}, padded, fmt::format("{} trailing bytes", file.size() - padded));
    refuse(file, {}, end,
           fmt::format("{} bytes of padding at the end, wanted none or {}", file.size() - end, padded - end));
}

void require_plain_header(const File& file, const Gguf& gguf) {
    HeaderWriter writer;
    for (const KeyValue& entry : gguf.metadata()) writer.add(entry.key, entry.value);
    for (const Tensor& tensor : gguf.tensors())
        writer.add_tensor(tensor.name, tensor.dimensions(), tensor.type, tensor.offset);
    if (writer.bytes() != as_text(gguf.header())) refuse(file, "header", {}, "unusual encoding");

    std::vector<std::byte> padding(std::min(file.size(), gguf.data_offset()) - gguf.header().size());
    file.read_exactly(gguf.header().size(), padding);
    const auto odd =
        std::find_if(padding.begin(), padding.end(), [](std::byte b) { return b != std::byte{0}; });
    if (odd != padding.end())
        refuse(file, "header", gguf.header().size() + static_cast<std::uint64_t>(odd - padding.begin()),
               "padding that is not zero");
}

}  // namespace

void require_restorable(const Model& model) {
    const File& file = model.shards()[0].file;
    const Gguf& gguf = model.head();
    model.require_complete();
    if (gguf.version() != 3) refuse(file, {}, 4, fmt::format("GGUF version {}", gguf.version()));
    require_contiguous(file, gguf);
    require_plain_end(file, gguf);
    require_plain_header(file, gguf);
}

}  // namespace ggufmap::detail
