// Tensor bytes as Hugging Face has them, read from the GGUF piece by piece.
#include <algorithm>
#include <cmath>

#include "ggufmap/hf/tensors.hpp"

namespace ggufmap::hf {
namespace {

constexpr std::size_t piece_bytes = 4 << 20;
constexpr std::size_t mxfp4_block = 17, mxfp4_nibbles = 16;  // bytes: a scale, then 32 numbers

class Reader {
public:
    Reader(const Model& model, const HfTensor& tensor, const PieceSink& sink)
        : model_(model), file_(model.shards()[tensor.shard].file), tensor_(tensor), sink_(sink) {}

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
                return transpose_slices();
            case Rework::joined_heads:
                return join_heads();
            case Rework::rows_in_turn:
                return in_turn(tensor_.row_bytes,
                               [](Bytes row, std::byte* out) { std::memcpy(out, row.data(), row.size()); });
            case Rework::mxfp4_blocks:
                return in_turn(tensor_.row_bytes / mxfp4_block * mxfp4_nibbles, nibbles_in_order);
            case Rework::mxfp4_scales:
                return in_turn(tensor_.row_bytes / mxfp4_block, scales);
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

    struct Input {
        const File* file;
        std::uint64_t offset;
    };

    /// The source, and what it is joined with.
    std::vector<Input> inputs() const {
        std::vector<Input> all = {{&file_, tensor_.source.offset}};
        if (const ModelTensor* second = tensor_.second)
            all.push_back({&model_.shards()[second->shard].file, second->range->offset});
        return all;
    }

    /// A matrix in the GGUF and where its rows, as columns, go.
    struct Transposition {
        std::uint64_t rows;
        std::uint64_t columns;
        std::uint64_t element;
        std::uint64_t out;  ///< where the result begins
    };

    // Bands of source rows: each gives a stretch of every row of the result. The rows of several inputs, all
    // alike, come in turn.
    void transpose(const std::vector<Input>& inputs, const Transposition& shape) {
        const std::uint64_t element = shape.element;
        const std::uint64_t row_bytes = shape.columns * element;
        if (row_bytes == 0 || shape.rows == 0) return;
        const std::uint64_t at_once = std::max<std::uint64_t>(1, piece_bytes / row_bytes / inputs.size());
        const std::uint64_t out_row = shape.rows * inputs.size() * element;
        std::vector<std::byte> band, stretch;
        for (std::uint64_t first = 0; first < shape.rows; first += at_once) {
            const std::uint64_t here = std::min(at_once, shape.rows - first);
            band.resize(here * inputs.size() * row_bytes);
            for (std::size_t i = 0; i < inputs.size(); ++i)
                inputs[i].file->read_exactly(inputs[i].offset + first * row_bytes,
                                             std::span(band).subspan(i * here * row_bytes, here * row_bytes));
            stretch.resize(here * inputs.size() * element);
            for (std::uint64_t column = 0; column < shape.columns; ++column) {
                std::byte* to = stretch.data();
                for (std::uint64_t row = 0; row < here; ++row)
                    for (std::size_t i = 0; i < inputs.size(); ++i, to += element)
                        std::memcpy(to, &band[(i * here + row) * row_bytes + column * element], element);
                sink_(shape.out + column * out_row + first * inputs.size() * element, stretch);
            }
        }
    }

    void transpose_slices() {
        auto from = inputs();
        const std::uint64_t columns = tensor_.shape[tensor_.shape.size() - 2];  // of the source
        const std::uint64_t rows = tensor_.shape.back() / from.size();
        if (columns == 0 || rows == 0) return;
        const std::uint64_t slice = size() / tensor_.slices;
        const std::uint64_t element = slice / (columns * rows);
        for (std::uint64_t i = 0; i < tensor_.slices; ++i) {
            transpose(from, {rows, columns, element, i * slice * from.size()});
            for (Input& input : from) input.offset += slice;
        }
    }

    void join_heads() {
        const auto from = inputs();
        const std::uint64_t heads = tensor_.slices;
        const std::uint64_t keys = size() / heads;  // bytes of a head
        const std::uint64_t values = tensor_.second->range->size / heads;
        const std::uint64_t rank = tensor_.shape.back();
        const std::uint64_t element = tensor_.bytes / (tensor_.shape.front() * rank);
        std::vector<std::byte> piece(values);
        for (std::uint64_t head = 0; head < heads; ++head) {
            const std::uint64_t out = head * (keys + values);
            transpose({{from[0].file, from[0].offset + head * keys}},
                      {rank, keys / (rank * element), element, out});
            from[1].file->read_exactly(from[1].offset + head * values, piece);
            sink_(out + keys, piece);
        }
    }

    /// Rows of all inputs in turn, each made `out_bytes` long by `convert(row, out)`.
    template <typename Convert>
    void in_turn(std::uint64_t out_bytes, Convert convert) {
        const auto from = inputs();
        const std::uint64_t row_bytes = tensor_.row_bytes;
        const std::uint64_t count = size() / row_bytes;
        const std::uint64_t at_once = std::max<std::uint64_t>(1, piece_bytes / row_bytes / from.size());
        std::vector<std::byte> band, piece;
        for (std::uint64_t first = 0; first < count; first += at_once) {
            const std::uint64_t here = std::min(at_once, count - first);
            band.resize(here * row_bytes);
            piece.resize(here * from.size() * out_bytes);
            for (std::size_t i = 0; i < from.size(); ++i) {
                from[i].file->read_exactly(from[i].offset + first * row_bytes, band);
                for (std::uint64_t row = 0; row < here; ++row)
                    convert(Bytes(band).subspan(row * row_bytes, row_bytes),
                            &piece[(row * from.size() + i) * out_bytes]);
            }
            sink_(first * from.size() * out_bytes, piece);
        }
    }

    /// ggml's block has numbers 0 to 15 in the low nibbles of its bytes and 16 to 31 in the high ones; HF's
    /// has two neighbours in each byte, the first one low.
    static void nibbles_in_order(Bytes row, std::byte* out) {
        constexpr std::byte low{0x0F};
        for (; !row.empty(); row = row.subspan(mxfp4_block)) {
            const Bytes nibbles = row.subspan(1, mxfp4_nibbles);
            for (std::size_t i = 0; i < mxfp4_nibbles; i += 2)
                *out++ = (nibbles[i] & low) | (nibbles[i + 1] & low) << 4;
            for (std::size_t i = 0; i < mxfp4_nibbles; i += 2)
                *out++ = nibbles[i] >> 4 | (nibbles[i + 1] & ~low);
        }
    }

    static void scales(Bytes row, std::byte* out) {
        for (; !row.empty(); row = row.subspan(mxfp4_block)) *out++ = row.front();
    }

    const Model& model_;
    const File& file_;
    const HfTensor& tensor_;
    const PieceSink& sink_;
};

}  // namespace

void read_tensor(const Model& model, const HfTensor& tensor, const PieceSink& sink) {
    Reader(model, tensor, sink).run();
}

}  // namespace ggufmap::hf
