// Tensor bytes as Hugging Face has them, read from the GGUF piece by piece.
#include <algorithm>
#include <cmath>

#include "ggufmap/hf/tensors.hpp"

namespace ggufmap::hf {
namespace {

constexpr std::size_t piece_bytes = 4 << 20;

class Reader {
public:
    Reader(const Model& model, const HfTensor& tensor, const PieceSink& sink)
        : file_(model.shards()[tensor.shard].file), tensor_(tensor), sink_(sink) {}

    void run() {
        switch (tensor_.rework) {
            case Rework::none:
                return values([](float value) { return value; }, false);
            case Rework::minus_one:
                return values([](float value) { return value - 1.0F; });
            case Rework::log_of_negative:
                return values([](float value) { return std::log(-value); });
            case Rework::rotated_rows:
            case Rework::rows_by_head:
            case Rework::rows_by_group:
                return rows();
            case Rework::transposed:
                return transpose();
        }
    }

private:
    std::uint64_t size() const { return tensor_.source.size; }

    void read(std::uint64_t offset, std::span<std::byte> out) const {
        file_.read_exactly(tensor_.source.offset + offset, out);
    }

    template <typename Change>
    void values(Change change, bool changes = true) {
        std::vector<std::byte> piece(std::min<std::uint64_t>(piece_bytes, size()));
        for (std::uint64_t at = 0; at < size(); at += piece.size()) {
            const std::span<std::byte> part(piece.data(), std::min<std::uint64_t>(piece.size(), size() - at));
            read(at, part);
            for (std::size_t i = 0; changes && i + sizeof(float) <= part.size(); i += sizeof(float)) {
                const float value = change(load_le<float>(&part[i]));
                std::memcpy(&part[i], &value, sizeof value);
            }
            sink_(at, part);
        }
    }

    /// Where row `out` of `count` lies in the GGUF.
    std::uint64_t source_row(std::uint64_t out, std::uint64_t count) const {
        const std::uint64_t heads = tensor_.heads;
        const std::uint64_t groups = tensor_.groups;
        if (tensor_.rework == Rework::rotated_rows) {
            const std::uint64_t head_rows = count / heads;
            const std::uint64_t in_head = out % head_rows;
            const std::uint64_t pair = in_head % (head_rows / 2);
            const std::uint64_t member = in_head / (head_rows / 2);
            return out - in_head + 2 * pair + member;
        }
        if (tensor_.rework == Rework::rows_by_head) {
            const std::uint64_t head_rows = count / (3 * heads);
            const std::uint64_t block = out / head_rows;  // q k v of the first head, then of the next
            return (block % 3 * heads + block / 3) * head_rows + out % head_rows;
        }
        const std::uint64_t head_rows = count / (heads + 2 * groups);
        const std::uint64_t queries = heads / groups;
        const std::uint64_t block = out / head_rows;
        const std::uint64_t group = block / (queries + 2);
        const std::uint64_t place = block % (queries + 2);
        const std::uint64_t from =
            place < queries ? group * queries + place : heads + (place - queries) * groups + group;
        return from * head_rows + out % head_rows;
    }

    void rows() {
        const std::uint64_t count = tensor_.shape.front();
        const std::uint64_t row_bytes = size() / count;
        if (row_bytes == 0) return;
        const std::uint64_t at_once = std::max<std::uint64_t>(1, piece_bytes / row_bytes);
        std::vector<std::byte> piece;
        for (std::uint64_t first = 0; first < count; first += at_once) {
            const std::uint64_t here = std::min(at_once, count - first);
            piece.resize(here * row_bytes);
            for (std::uint64_t row = 0; row < here; ++row)
                read(source_row(first + row, count) * row_bytes,
                     std::span(piece).subspan(row * row_bytes, row_bytes));
            sink_(first * row_bytes, piece);
        }
    }

    // Bands of source rows: each gives a stretch of every row of the result.
    void transpose() {
        const std::uint64_t columns = tensor_.shape[0];  // of the source
        const std::uint64_t count = tensor_.shape[1];
        if (columns == 0 || count == 0) return;
        const std::uint64_t element = size() / (columns * count);
        const std::uint64_t row_bytes = columns * element;
        const std::uint64_t at_once = std::max<std::uint64_t>(1, piece_bytes / row_bytes);
        std::vector<std::byte> band, stretch;
        for (std::uint64_t first = 0; first < count; first += at_once) {
            const std::uint64_t here = std::min(at_once, count - first);
            band.resize(here * row_bytes);
            read(first * row_bytes, band);
            stretch.resize(here * element);
            for (std::uint64_t column = 0; column < columns; ++column) {
                for (std::uint64_t row = 0; row < here; ++row)
                    std::memcpy(&stretch[row * element], &band[row * row_bytes + column * element], element);
                sink_((column * count + first) * element, stretch);
            }
        }
    }

    const File& file_;
    const HfTensor& tensor_;
    const PieceSink& sink_;
};

}  // namespace

void read_tensor(const Model& model, const HfTensor& tensor, const PieceSink& sink) {
    Reader(model, tensor, sink).run();
}

}  // namespace ggufmap::hf
