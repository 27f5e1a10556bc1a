#include "ggufmap/scan.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "detail/scale_fields.hpp"

namespace ggufmap {
namespace {

using detail::ScaleFields;
using detail::ScaleForm;

// The bits of a float without its sign grow with its magnitude, infinity and NaN behind all finite ones: one
// integer comparison finds everything that is wrong.
template <typename Bits>
struct Magnitude {
    Bits absurd;    // the first bits above this are absurd
    Bits infinity;  // above this: NaN
};
constexpr Magnitude<std::uint16_t> f16_scale{0x5c00, 0x7c00};  // 256
constexpr Magnitude<std::uint16_t> f16_value{0x7bff, 0x7c00};  // the largest there is
constexpr Magnitude<std::uint16_t> bf16_value{0x4b80, 0x7f80};
constexpr Magnitude<std::uint32_t> f32_value{0x4b800000, 0x7f800000};
constexpr Magnitude<std::uint32_t> f32_scale{0x43800000, 0x7f800000};
constexpr Magnitude<std::uint64_t> f64_value{0x4170000000000000, 0x7ff0000000000000};

template <typename Bits>
Bits magnitude(const std::byte* from) {
    constexpr Bits all_but_sign = std::numeric_limits<Bits>::max() / 2;
    return load_le<Bits>(from) & all_but_sign;
}

template <typename Bits>
bool count_if_bad(Bits bits, Magnitude<Bits> limit, TensorScan& scan) {
    if (bits <= limit.absurd) return false;
    ++(bits > limit.infinity ? scan.nan : bits == limit.infinity ? scan.infinite : scan.absurd);
    return true;
}

bool is_zero(Bytes bytes) {
    return bytes.empty() || (bytes.front() == std::byte{0} &&
                             std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

// Bytes at the end that are zero.
std::uint64_t trailing_zeros(Bytes bytes) {
    std::size_t left = bytes.size();
    while (left >= 8 && load_le<std::uint64_t>(bytes.data() + left - 8) == 0) left -= 8;
    while (left > 0 && bytes[left - 1] == std::byte{0}) --left;
    return bytes.size() - left;
}

// Enough for the compiler to use vectors, few enough to look at again when one of them is bad.
constexpr std::size_t batch = 256;

template <typename Bits>
void scan_values(Bytes bytes, Magnitude<Bits> limit, std::uint64_t before, TensorScan& scan) {
    const std::size_t count = bytes.size() / sizeof(Bits);
    for (std::size_t first = 0; first < count; first += batch) {
        const std::size_t end = std::min(count, first + batch);
        Bits largest = 0;
        for (std::size_t i = first; i < end; ++i)
            largest = std::max(largest, magnitude<Bits>(bytes.data() + i * sizeof(Bits)));
        if (largest <= limit.absurd) continue;
        for (std::size_t i = first; i < end; ++i) {
            const bool bad = count_if_bad(magnitude<Bits>(bytes.data() + i * sizeof(Bits)), limit, scan);
            if (bad && !scan.first_bad) scan.first_bad = before + i * sizeof(Bits);
        }
    }
    scan.blocks += count;
}

std::uint16_t iq1_m_scale(const std::byte* from) {
    std::uint16_t scale = 0;
    for (unsigned i = 0; i < 4; ++i)
        scale = static_cast<std::uint16_t>(scale |
                                           (load_le<std::uint16_t>(from + 2 * i) & 0xf000) >> (12 - 4 * i));
    return scale;
}

// Looks at one block closely. True if it is bad.
bool judge_block(const ScaleFields& fields, Bytes block, TensorScan& scan) {
    const std::byte* const at = block.data() + fields.offset;
    bool bad = false;
    bool zero = true;
    for (unsigned i = 0; i < fields.count; ++i) {
        switch (fields.form) {
            case ScaleForm::f16: {
                const auto bits = magnitude<std::uint16_t>(at + 2 * i);
                bad |= count_if_bad(bits, f16_scale, scan);
                zero &= bits == 0;
                break;
            }
            case ScaleForm::iq1_m: {
                const auto bits = static_cast<std::uint16_t>(iq1_m_scale(at) & 0x7fff);
                bad |= count_if_bad(bits, f16_scale, scan);
                zero &= bits == 0;
                break;
            }
            case ScaleForm::f32: {
                const auto bits = magnitude<std::uint32_t>(at);
                bad |= count_if_bad(bits, f32_scale, scan);
                zero &= bits == 0;
                break;
            }
            case ScaleForm::e8m0: {
                constexpr unsigned bias = 127;
                const auto exponent = std::to_integer<unsigned>(at[0]);
                if (exponent == 0xff) ++scan.nan;
                if (exponent > bias + 8 && exponent != 0xff) ++scan.absurd;
                bad |= exponent > bias + 8;
                zero &= exponent == 0;  // 2^-127, which is what zero blocks get
                break;
            }
            default: {  // ue4m3; it ends at 448
                const bool nan = (at[i] & std::byte{0x7f}) == std::byte{0x7f};
                scan.nan += nan ? 1 : 0;
                bad |= nan;
                zero &= at[i] == std::byte{0};
            }
        }
    }
    scan.zero_scale_blocks += zero ? 1 : 0;
    scan.zero_blocks += zero && is_zero(block) ? 1 : 0;
    return bad;
}

// True if no block of the batch needs a closer look. Most blocks have one or two f16: those are worth a loop
// of their own.
template <unsigned Count>
bool f16_batch_is_fine(const std::byte* at, std::size_t stride, std::size_t blocks) {
    bool wrong = false;
    for (std::size_t i = 0; i < blocks; ++i) {
        const auto first = magnitude<std::uint16_t>(at + i * stride);
        auto both = first;
        wrong |= first > f16_scale.absurd;
        if constexpr (Count == 2) {
            const auto second = magnitude<std::uint16_t>(at + i * stride + 2);
            wrong |= second > f16_scale.absurd;
            both = static_cast<std::uint16_t>(both | second);
        }
        wrong |= both == 0;
    }
    return !wrong;
}

}  // namespace

struct TensorScanner::State {
    explicit State(std::uint32_t type_id) : fields(detail::scale_fields(type_id)) {
        const TensorType* const type = find_tensor_type(type_id);
        if (type != nullptr) block_bytes = type->block_bytes;
        scan.depth = scan_depth(type_id);
    }

    void scan_blocks(Bytes bytes, std::uint64_t before);
    void scan_whole(Bytes bytes, std::uint64_t before);
    void count_plain_zeros(Bytes bytes, std::uint64_t before);

    ScaleFields fields;
    std::size_t block_bytes = 1;
    TensorScan scan;
    std::array<std::byte, 512> carry;  // the beginning of a block whose rest is in the next piece
    std::size_t carried = 0;
    bool plain_zero = true;  // all that came of the stretch of plain_block_bytes which goes on
};

void TensorScanner::State::scan_blocks(Bytes bytes, std::uint64_t before) {
    const std::size_t count = bytes.size() / block_bytes;
    for (std::size_t first = 0; first < count; first += batch) {
        const std::size_t blocks = std::min(batch, count - first);
        const std::byte* const at = bytes.data() + first * block_bytes + fields.offset;
        if (fields.form == ScaleForm::f16) {
            const bool fine = fields.count == 1 ? f16_batch_is_fine<1>(at, block_bytes, blocks)
                                                : f16_batch_is_fine<2>(at, block_bytes, blocks);
            if (fine) continue;
        }
        for (std::size_t i = first; i < first + blocks; ++i) {
            const bool bad = judge_block(fields, bytes.subspan(i * block_bytes, block_bytes), scan);
            if (bad && !scan.first_bad) scan.first_bad = before + i * block_bytes;
        }
    }
    scan.blocks += count;
}

// Looks at one byte of each stretch, as a rule.
void TensorScanner::State::count_plain_zeros(Bytes bytes, std::uint64_t before) {
    while (!bytes.empty()) {
        const std::uint64_t done = before % plain_block_bytes;
        const Bytes piece = bytes.first(std::min<std::uint64_t>(plain_block_bytes - done, bytes.size()));
        plain_zero = (done == 0 || plain_zero) && is_zero(piece);
        if (plain_zero && done + piece.size() == plain_block_bytes) ++scan.zero_blocks;
        before += piece.size();
        bytes = bytes.subspan(piece.size());
    }
}

// `bytes` are whole blocks, or elements.
void TensorScanner::State::scan_whole(Bytes bytes, std::uint64_t before) {
    switch (fields.form) {
        case ScaleForm::f16_values:
            return scan_values(bytes, f16_value, before, scan);
        case ScaleForm::bf16_values:
            return scan_values(bytes, bf16_value, before, scan);
        case ScaleForm::f32_values:
            return scan_values(bytes, f32_value, before, scan);
        case ScaleForm::f64_values:
            return scan_values(bytes, f64_value, before, scan);
        case ScaleForm::integers:
        case ScaleForm::unknown:
            return;
        default:
            return scan_blocks(bytes, before);
    }
}

ScanDepth scan_depth(std::uint32_t type) {
    switch (detail::scale_fields(type).form) {
        case ScaleForm::unknown:
            return ScanDepth::unknown;
        case ScaleForm::integers:
            return ScanDepth::zeros;
        case ScaleForm::f16_values:
        case ScaleForm::bf16_values:
        case ScaleForm::f32_values:
        case ScaleForm::f64_values:
            return ScanDepth::values;
        default:
            return ScanDepth::scales;
    }
}

TensorScanner::TensorScanner(std::uint32_t type) : state_(std::make_unique<State>(type)) {}
TensorScanner::TensorScanner(TensorScanner&&) noexcept = default;
TensorScanner& TensorScanner::operator=(TensorScanner&&) noexcept = default;
TensorScanner::~TensorScanner() = default;

void TensorScanner::update(Bytes bytes) {
    State& state = *state_;
    TensorScan& scan = state.scan;
    const std::uint64_t zeros = trailing_zeros(bytes);
    scan.trailing_zeros = zeros == bytes.size() ? scan.trailing_zeros + zeros : zeros;
    if (scan.depth == ScanDepth::values) state.count_plain_zeros(bytes, scan.bytes);
    if (state.carried > 0) {
        const std::size_t rest = std::min(state.block_bytes - state.carried, bytes.size());
        std::memcpy(state.carry.data() + state.carried, bytes.data(), rest);
        state.carried += rest;
        scan.bytes += rest;
        bytes = bytes.subspan(rest);
        if (state.carried < state.block_bytes) return;
        state.scan_whole({state.carry.data(), state.block_bytes}, scan.bytes - state.block_bytes);
        state.carried = 0;
    }
    const std::size_t whole = bytes.size() / state.block_bytes * state.block_bytes;
    state.scan_whole(bytes.first(whole), scan.bytes);
    state.carried = bytes.size() - whole;
    std::copy_n(bytes.data() + whole, state.carried, state.carry.data());
    scan.bytes += bytes.size();
}

TensorScan TensorScanner::finish() { return std::move(state_->scan); }

std::vector<ZeroTail> zero_tails(const Model& model, const std::vector<std::optional<TensorScan>>& scans) {
    constexpr std::uint64_t least = 4096;
    std::vector<ZeroTail> tails;
    for (std::uint32_t shard = 0; shard < model.shards().size(); ++shard) {
        std::vector<std::size_t> backwards;
        for (std::size_t i = 0; i < model.tensors().size(); ++i) {
            const ModelTensor& tensor = model.tensors()[i];
            if (tensor.shard == shard && tensor.range && !tensor.range->empty()) backwards.push_back(i);
        }
        std::sort(backwards.begin(), backwards.end(), [&](std::size_t a, std::size_t b) {
            return model.tensors()[a].range->offset > model.tensors()[b].range->offset;
        });
        ZeroTail tail{shard, {}, nullptr};
        bool weighty = false;
        for (const std::size_t i : backwards) {
            const ModelTensor& tensor = model.tensors()[i];
            if (!scans[i] || scans[i]->error || scans[i]->trailing_zeros == 0) break;
            const std::uint64_t end = tail.first == nullptr ? tensor.range->end() : tail.range.end();
            const std::uint64_t begin = tensor.range->end() - scans[i]->trailing_zeros;
            tail = {shard, {begin, end - begin}, &tensor};
            weighty |= tensor.info->dimension_count > 1;
            if (!scans[i]->all_zero()) break;
        }
        if (weighty && tail.range.size >= least) tails.push_back(tail);
    }
    return tails;
}

}  // namespace ggufmap
