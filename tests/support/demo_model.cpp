#include "support/demo_model.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <system_error>

#include "support/make_gguf.hpp"

namespace ggufmap::test {
namespace {

/// splitmix64: tiny, and good enough to look like weights.
struct Random {
    std::uint64_t state;
    std::uint64_t next() {
        std::uint64_t z = (state += 0x9e3779b97f4a7c15U);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31);
    }
};

struct Shape {
    std::uint64_t width = 0;  ///< n_embd
    std::uint64_t ffn = 0;
    std::uint64_t heads = 0;
    std::uint64_t kv_width = 0;
    std::uint64_t vocabulary = 0;
    std::uint64_t layers = 0;
    std::uint64_t experts = 0;
};

struct Tensor {
    std::string name;
    std::string type;
    std::vector<std::uint64_t> dimensions;

    std::uint64_t bytes() const {
        const TensorShape shape = tensor_type(type);
        std::uint64_t elements = 1;
        for (const std::uint64_t dimension : dimensions) elements *= dimension;
        return elements / shape.block_elements * shape.block_bytes;
    }
};

std::vector<Tensor> layer_tensors(const Shape& s, std::uint64_t layer) {
    const std::string prefix = fmt::format("blk.{}.", layer);
    std::vector<Tensor> tensors{{"attn_norm.weight", "F32", {s.width}},
                                {"attn_q.weight", "Q8_0", {s.width, s.width}},
                                {"attn_k.weight", "Q8_0", {s.width, s.kv_width}},
                                {"attn_v.weight", "Q8_0", {s.width, s.kv_width}},
                                {"attn_output.weight", "Q8_0", {s.width, s.width}},
                                {"ffn_norm.weight", "F32", {s.width}}};
    if (s.experts > 0) {
        tensors.push_back({"ffn_gate_inp.weight", "F32", {s.width, s.experts}});
        tensors.push_back({"ffn_gate_exps.weight", "Q4_K", {s.width, s.ffn, s.experts}});
        tensors.push_back({"ffn_up_exps.weight", "Q4_K", {s.width, s.ffn, s.experts}});
        tensors.push_back({"ffn_down_exps.weight", "Q4_K", {s.ffn, s.width, s.experts}});
    } else {
        tensors.push_back({"ffn_gate.weight", "Q4_K", {s.width, s.ffn}});
        tensors.push_back({"ffn_up.weight", "Q4_K", {s.width, s.ffn}});
        tensors.push_back({"ffn_down.weight", "Q4_K", {s.ffn, s.width}});
    }
    for (Tensor& tensor : tensors) tensor.name.insert(0, prefix);
    return tensors;
}

std::vector<Tensor> all_tensors(const Shape& s) {
    std::vector<Tensor> tensors{{"token_embd.weight", "F16", {s.width, s.vocabulary}}};
    for (std::uint64_t layer = 0; layer < s.layers; ++layer) {
        for (Tensor& tensor : layer_tensors(s, layer)) tensors.push_back(std::move(tensor));
    }
    tensors.push_back({"output_norm.weight", "F32", {s.width}});
    tensors.push_back({"output.weight", "Q8_0", {s.width, s.vocabulary}});
    return tensors;
}

std::uint64_t total_bytes(const std::vector<Tensor>& tensors) {
    std::uint64_t total = 0;
    for (const Tensor& tensor : tensors) total += tensor.bytes();
    return total;
}

/// As many layers as fill the size.
Shape choose_shape(const DemoOptions& options) {
    struct Step {
        std::uint64_t up_to;
        std::uint64_t width;
        std::uint64_t vocabulary;
    };
    constexpr std::array steps{Step{16U << 20, 256, 2048}, Step{512U << 20, 512, 8192},
                               Step{4ULL << 30, 2048, 32000}, Step{~0ULL, 4096, 32000}};
    const auto step =
        std::find_if(steps.begin(), steps.end(), [&](const Step& s) { return options.size <= s.up_to; });
    Shape shape{.width = step->width,
                .ffn = options.experts > 0 ? step->width : step->width * 11 / 4 / 256 * 256,
                .heads = step->width / 64,
                .kv_width = step->width / 4,
                .vocabulary = options.vocabulary > 0 ? options.vocabulary : step->vocabulary,
                .experts = options.experts};
    const std::uint64_t outside = total_bytes(all_tensors(shape));
    const std::uint64_t inside = options.size > outside ? options.size - outside : 0;
    shape.layers = std::max<std::uint64_t>(1, inside / total_bytes(layer_tensors(shape, 0)));
    return shape;
}

/// "\u2581" marks a word's beginning, as in SentencePiece vocabularies.
std::string word_piece(Random& random) {
    constexpr std::array syllables{"an",   "ber",  "con", "de",  "er",  "fa", "ing", "ka",
                                   "lo",   "ment", "no",  "on",  "pre", "qu", "re",  "ste",
                                   "tion", "un",   "ver", "wor", "x",   "y",  "ze",  "\u00e9"};
    std::string piece = random.next() % 2 == 0 ? "\u2581" : "";
    for (std::uint64_t left = 1 + random.next() % 3; left > 0; --left)
        piece += syllables[random.next() % syllables.size()];
    return piece;
}

/// The statements of make_gguf() for the tokenizer.
std::string tokenizer(const Shape& shape, Random random) {
    constexpr std::uint64_t specials = 3;
    constexpr std::uint64_t byte_tokens = 256;
    std::string tokens = "kv tokenizer.ggml.tokens array str <unk> <s> </s>";
    std::string scores = "kv tokenizer.ggml.scores array f32 0 0 0";
    std::string types = "kv tokenizer.ggml.token_type array i32 2 3 3";  // unknown, control, control
    std::set<std::string> used;  // real vocabularies hold no duplicates
    for (std::uint64_t i = specials; i < shape.vocabulary; ++i) {
        const bool is_byte = i < specials + byte_tokens;
        std::string token = is_byte ? fmt::format("<0x{:02X}>", i - specials) : word_piece(random);
        while (!used.insert(token).second) token += word_piece(random);
        tokens += fmt::format(" \"{}\"", token);
        scores += is_byte ? " 0" : fmt::format(" -{}", i - specials - byte_tokens);
        types += is_byte ? " 6" : " 1";
    }
    return "kv tokenizer.ggml.model str llama\nkv tokenizer.ggml.pre str default\n" + tokens + "\n" + scores +
           "\n" + types +
           "\nkv tokenizer.ggml.bos_token_id u32 1\nkv tokenizer.ggml.eos_token_id u32 2\n"
           "kv tokenizer.ggml.unknown_token_id u32 0\nkv tokenizer.ggml.add_bos_token bool true\n"
           "kv tokenizer.chat_template str \"{% for m in messages %}{{ '<s>' + m.content }}{% endfor %}\"\n";
}

std::string description(const Shape& s, std::uint64_t seed) {
    std::string text =
        "data none\nkv general.architecture str llama\nkv general.type str model\n"
        "kv general.name str \"ggufmap demo\"\nkv general.file_type u32 15\n";
    const auto kv = [&](std::string_view key, std::uint64_t value) {
        text += fmt::format("kv llama.{} u32 {}\n", key, value);
    };
    kv("block_count", s.layers);
    kv("context_length", 4096);
    kv("embedding_length", s.width);
    kv("feed_forward_length", s.ffn);
    kv("attention.head_count", s.heads);
    kv("attention.head_count_kv", s.heads / 4);
    kv("rope.dimension_count", 64);
    kv("vocab_size", s.vocabulary);
    text += "kv llama.rope.freq_base f32 10000\nkv llama.attention.layer_norm_rms_epsilon f32 1e-5\n";
    if (s.experts > 0) {
        kv("expert_count", s.experts);
        kv("expert_used_count", std::min<std::uint64_t>(2, s.experts));
        kv("expert_feed_forward_length", s.ffn);
    }
    text += tokenizer(s, Random{seed}) + "kv general.quantization_version u32 2\n";
    for (const Tensor& t : all_tensors(s))
        text += fmt::format("tensor {} {} {}\n", t.name, t.type, fmt::join(t.dimensions, " "));
    return text;
}

void put_half(std::string& block, std::size_t at, std::uint16_t value) { std::memcpy(&block[at], &value, 2); }

/// A half float near 2^-6 with a random fraction: what scales of real blocks look like.
std::uint16_t scale_bits(Random& random) {
    constexpr std::uint16_t exponent = (15 - 6) << 10;
    return static_cast<std::uint16_t>(exponent | (random.next() & 0x3FF));
}

/// One block of random but valid weights: finite scales, small values.
void fill_block(std::string& block, const std::string& type, Random& random) {
    for (std::size_t i = 0; i < block.size(); i += 8) {
        const std::uint64_t bits = random.next();
        std::memcpy(&block[i], &bits, std::min<std::size_t>(8, block.size() - i));
    }
    if (type == "F32") {
        const float value = 1.0F + static_cast<float>(random.next() % 1000) * 1e-4F;
        std::memcpy(block.data(), &value, sizeof value);
    } else if (type == "F16") {
        const auto sign = static_cast<std::uint16_t>(random.next() & 0x8000);
        put_half(block, 0, static_cast<std::uint16_t>(sign | scale_bits(random)));
    } else if (type == "Q8_0") {
        put_half(block, 0, scale_bits(random));
    } else if (type == "Q4_K") {
        put_half(block, 0, scale_bits(random));
        put_half(block, 2, scale_bits(random));
    }
}

void write_tensor(std::ofstream& file, const Tensor& tensor, Random random) {
    constexpr std::size_t chunk = 1U << 20;
    const TensorShape shape = tensor_type(tensor.type);
    std::string block(shape.block_bytes, '\0');
    std::string buffer;
    const std::uint64_t bytes = tensor.bytes();
    for (std::uint64_t done = 0; done < bytes; done += block.size()) {
        fill_block(block, tensor.type, random);
        buffer += block;
        if (buffer.size() >= chunk) {
            file << buffer;
            buffer.clear();
        }
    }
    file << buffer << std::string((32 - bytes % 32) % 32, '\0');
}

}  // namespace

void write_demo_model(const DemoOptions& options, const std::string& path) {
    const Shape shape = choose_shape(options);
    std::string header = make_gguf(description(shape, options.seed));
    header.resize((header.size() + 31) / 32 * 32);
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << header;
    std::uint64_t stream = options.seed;
    for (const Tensor& tensor : all_tensors(shape)) write_tensor(file, tensor, Random{stream++ << 32});
    file.close();
    if (!file) throw std::system_error(errno, std::generic_category(), path);
}

}  // namespace ggufmap::test
