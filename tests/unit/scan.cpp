#include "ggufmap/scan.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <string>

#include "ggufmap/types.hpp"
#include "support/small_model.hpp"
#include "support/temporary_directory.hpp"

using namespace ggufmap;

namespace {

// Bytes that are a harmless number in every format: f16 0.0078, bf16 and f32 tiny, e8m0 2^-95, ue4m3 small.
constexpr char harmless = 0x20;

TensorScan scan(std::uint32_t type, const std::string& bytes, std::size_t piece = ~std::size_t{0}) {
    TensorScanner scanner(type);
    for (std::size_t at = 0; at < bytes.size(); at += std::min(piece, bytes.size() - at))
        scanner.update(as_bytes(std::string_view(bytes).substr(at, piece)));
    return scanner.finish();
}

template <typename Bits>
void put(std::string& bytes, std::size_t at, Bits bits) {
    std::memcpy(bytes.data() + at, &bits, sizeof bits);
}

// Where f16 scales lie, as the block structs of ggml have them; written down again on purpose.
struct HalfScale {
    std::uint32_t type;
    std::size_t offset;
};
constexpr HalfScale half_scales[] = {{2, 0},  {3, 0},   {3, 2},    {6, 0},   {7, 0},    {7, 2},   {8, 0},
                                     {9, 0},  {9, 2},   {10, 80},  {10, 82}, {11, 108}, {12, 0},  {12, 2},
                                     {13, 0}, {13, 2},  {14, 208}, {16, 0},  {17, 0},   {18, 0},  {19, 0},
                                     {20, 0}, {21, 0},  {22, 0},   {23, 0},  {34, 52},  {35, 64}, {41, 0},
                                     {42, 0}, {133, 0}, {137, 0},  {138, 0}, {139, 0},  {140, 0}, {141, 0}};

}  // namespace

TEST_CASE("bad f16 scales are found in every block format, wherever pieces are cut") {
    constexpr std::size_t blocks = 700;
    constexpr std::size_t bad = 333;
    for (const HalfScale& scale : half_scales) {
        const std::uint32_t type = scale.type;  // clang 14 captures no structured bindings
        const std::size_t offset = scale.offset;
        CAPTURE(type);
        CAPTURE(offset);
        CHECK(scan_depth(type) == ScanDepth::scales);
        const std::size_t size = find_tensor_type(type)->block_bytes;
        const std::string good(size * blocks, harmless);
        CHECK_FALSE(scan(type, good).bad_numbers());
        CHECK(scan(type, good).blocks == blocks);
        for (const std::size_t piece : {~std::size_t{0}, std::size_t{1000}, std::size_t{7}}) {
            std::string bytes = good;
            put<std::uint16_t>(bytes, bad * size + offset, 0x7e00);
            TensorScan found = scan(type, bytes, piece);
            CHECK(found.nan == 1);
            CHECK(found.infinite + found.absurd == 0);
            CHECK(found.first_bad == bad * size);
            put<std::uint16_t>(bytes, bad * size + offset, 0xfc00);
            CHECK(scan(type, bytes, piece).infinite == 1);
            put<std::uint16_t>(bytes, bad * size + offset, 0x5c01);
            CHECK(scan(type, bytes, piece).absurd == 1);
            put<std::uint16_t>(bytes, bad * size + offset, 0xdc00);
            CHECK_FALSE(scan(type, bytes, piece).bad_numbers());
        }
    }
}

TEST_CASE("scales that are not f16, and plain floats") {
    struct Case {
        std::uint32_t type;
        std::size_t offset;
        std::string nan;
        std::string absurd;  // empty: the format has none
    };
    const std::string top(1, '\xff');
    const Case cases[] = {
        {0, 0, std::string("\x00\x00\xc0\x7f", 4), std::string("\x01\x00\x80\x4b", 4)},
        {1, 0, std::string("\x01\x7c", 2), ""},
        {30, 0, std::string("\xc0\x7f", 2), std::string("\x81\x4b", 2)},
        {28, 0, std::string("\x00\x00\x00\x00\x00\x00\xf8\x7f", 8),
         std::string("\x01\x00\x00\x00\x00\x00\x70\x41", 8)},
        {15, 0, std::string("\x00\x00\xc0\x7f", 4), std::string("\x01\x00\x80\x43", 4)},
        {29, 48, std::string("\x20\x00\x20\x10\x20\xf0\x20\x7f", 8),
         std::string("\x20\x10\x20\x00\x20\xc0\x20\x50", 8)},
        {39, 0, top, "\x90"},
        {40, 3, "\x7f", ""},
    };
    for (const Case& one : cases) {
        CAPTURE(one.type);
        const TensorType& type = *find_tensor_type(one.type);
        const std::string good(std::size_t{type.block_bytes} * 500, harmless);
        CHECK_FALSE(scan(one.type, good).bad_numbers());
        const auto with = [&](const std::string& bits) {
            std::string bytes = good;
            bytes.replace(std::size_t{type.block_bytes} * 400 + one.offset, bits.size(), bits);
            return scan(one.type, bytes, 1001);
        };
        CHECK(with(one.nan).nan == 1);
        CHECK(with(one.nan).first_bad == std::uint64_t{type.block_bytes} * 400);
        if (!one.absurd.empty()) CHECK(with(one.absurd).absurd == 1);
    }
}

TEST_CASE("negative numbers are numbers, negative infinity is infinite") {
    const auto of = [](std::uint32_t type, std::uint16_t bits) {
        std::string bytes(2 * 32 * 600, harmless);
        put<std::uint16_t>(bytes, 2 * 32 * 300, bits);
        return scan(type, bytes);
    };
    constexpr std::uint32_t f16 = 1;
    constexpr std::uint32_t bf16 = 30;
    for (const std::uint16_t bits : std::initializer_list<std::uint16_t>{0xbc00, 0x8001, 0xfbff})
        CHECK_FALSE(of(f16, bits).bad_numbers());
    for (const std::uint16_t bits : std::initializer_list<std::uint16_t>{0xbf80, 0x8001, 0xcb80})
        CHECK_FALSE(of(bf16, bits).bad_numbers());
    CHECK(of(f16, 0xfc00).infinite == 1);
    CHECK(of(bf16, 0xff80).infinite == 1);
    CHECK(of(f16, 0xfe00).nan == 1);
    CHECK(of(bf16, 0xffc0).nan == 1);
}

TEST_CASE("every type of mainline ggml is scanned, unknown ones are not guessed at") {
    for (const TensorType& type : tensor_types()) {
        CAPTURE(type.name);
        if (type.status == TypeStatus::current) CHECK(scan_depth(type.id) != ScanDepth::unknown);
    }
    CHECK(scan_depth(24) == ScanDepth::zeros);
    CHECK(scan_depth(144) == ScanDepth::unknown);
    CHECK(scan_depth(9999) == ScanDepth::unknown);
    const TensorScan found = scan(9999, "abc" + std::string(5, '\0'));
    CHECK(found.trailing_zeros == 5);
    CHECK_FALSE(found.all_zero());
}

TEST_CASE("zeros: scales, blocks, ends") {
    const std::size_t size = find_tensor_type(8)->block_bytes;
    std::string bytes(size * 10, harmless);
    put<std::uint16_t>(bytes, size * 2, 0);
    bytes.replace(size * 5, size, size, '\0');
    TensorScan found = scan(8, bytes);
    CHECK(found.zero_scale_blocks == 2);
    CHECK(found.zero_blocks == 1);
    CHECK(found.trailing_zeros == 0);
    CHECK_FALSE(found.all_scales_zero());
    for (std::size_t block = 0; block < 10; ++block) put<std::uint16_t>(bytes, size * block, 0x8000);
    CHECK(scan(8, bytes).all_scales_zero());
    for (const std::size_t piece : {std::size_t{1}, std::size_t{50}, ~std::size_t{0}}) {
        bytes.assign(size * 10, harmless);
        bytes.replace(100, bytes.size() - 100, bytes.size() - 100, '\0');
        CHECK(scan(8, bytes, piece).trailing_zeros == size * 10 - 100);
        CHECK(scan(8, std::string(size * 10, '\0'), piece).all_zero());
    }
}

TEST_CASE("zeros: holes in plain floats, however the pieces fall") {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}, std::size_t{4096}, ~std::size_t{0}}) {
        std::string bytes(4096 * 6 + 100, harmless);
        bytes.replace(4096, 4096, 4096, '\0');
        bytes.replace(4096 * 3 + 1, 4096 * 2, 4096 * 2, '\0');  // covers one stretch only
        TensorScan found = scan(0, bytes, piece);
        CHECK(found.zero_blocks == 2);
        CHECK(found.countable_blocks() == 6);
        bytes.back() = '\0';
        bytes.replace(4096 * 6, 100, 100, '\0');  // no whole stretch
        CHECK(scan(0, bytes, piece).zero_blocks == 2);
    }
}

TEST_CASE("a zero-filled end of a file is told from zero biases") {
    const test::TemporaryDirectory directory;
    std::string bytes =
        test::small_model(HeaderWriter(), {{"w", {64, 64}, 0}, {"x", {64, 64}, 0}, {"bias", {2048}, 0}});
    const auto tails = [&](std::uint64_t zeros) {
        std::string cut = bytes;
        cut.replace(cut.size() - zeros, zeros, zeros, '\0');
        const Model model = Model::open(directory.write("m.gguf", cut));
        std::vector<std::optional<TensorScan>> scans;
        for (const ModelTensor& tensor : model.tensors())
            scans.push_back(scan(0, cut.substr(tensor.range->offset, tensor.range->size)));
        auto found = zero_tails(model, scans);
        return found.empty() ? std::string() : std::string(found.front().first->info->name);
    };
    CHECK(tails(1000).empty());
    CHECK(tails(8192).empty());  // the bias
    CHECK(tails(8192 + 5000) == "x");
    CHECK(tails(8192 + 16384 + 1) == "w");
}
