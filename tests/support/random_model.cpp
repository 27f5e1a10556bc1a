#include "support/random_model.hpp"

#include <fmt/format.h>

#include <array>
#include <vector>

namespace ggufmap::test {
namespace {

void append(std::string& out, auto number) {
    out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void append_string(std::string& out, const std::string& text) {
    append(out, std::uint64_t{text.size()});
    out += text;
}

constexpr std::uint32_t type_u16 = 2;
constexpr std::uint32_t type_u32 = 4;
constexpr std::uint32_t type_string = 8;

class Builder {
public:
    Builder(std::mt19937_64& random, std::uint64_t most_tensors) : random_(random) {
        model_.tensors = below(4) == 0 ? below(3) : below(most_tensors + 1);
        model_.alignment = below(3) == 0 ? 32 : std::uint64_t{1} << below(13);
    }

    RandomModel build() {
        add_keys();
        for (std::uint64_t i = 0; i < model_.tensors; ++i) add_tensor(i);
        std::string& out = model_.bytes;
        out = "GGUF";
        append(out, std::uint32_t{3});
        append(out, model_.tensors);
        append(out, key_count_);
        out += keys_ + infos_;
        const bool padded = below(3) != 0;
        if (!data_.empty() || padded || model_.tensors > 0) pad(out, '\0');
        if (padded) pad(data_, '\0');
        out += data_;
        return std::move(model_);
    }

private:
    std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
    void pad(std::string& text, char filler) {
        text.append((model_.alignment - text.size() % model_.alignment) % model_.alignment, filler);
    }
    void key(const std::string& name, std::uint32_t type) {
        append_string(keys_, name);
        append(keys_, type);
        ++key_count_;
    }
    void add_keys() {
        for (std::uint64_t i = 0, count = below(4); i < count; ++i) {
            key(fmt::format("random.text.{}", i), type_string);
            append_string(keys_, std::string(below(200), 'k'));
        }
        if (below(4) == 0) {  // what llama-gguf-split --merge leaves behind
            key("split.count", type_u16);
            append(keys_, std::uint16_t{0});
        }
        if (model_.alignment != 32 || below(4) == 0) {
            key("general.alignment", type_u32);
            append(keys_, static_cast<std::uint32_t>(model_.alignment));
        }
    }
    void add_tensor(std::uint64_t number) {
        struct Type {
            std::uint32_t id;
            std::uint64_t elements, bytes;
        };
        static constexpr std::array<Type, 5> types = {
            {{0, 1, 4}, {1, 1, 2}, {24, 1, 1}, {8, 32, 34}, {12, 256, 144}}};
        const Type type = types[below(types.size())];
        const std::uint64_t blocks = below(6) == 0 ? 0 : 1 + below(type.elements == 1 ? 3000 : 30);
        const std::uint64_t rows = below(3) == 0 ? 1 + below(3) : 1;
        // Layers and experts, so that every way to cut finds something to cut at.
        const char* const part = below(2) == 0 ? "attn_q" : "ffn_up_exps";
        append_string(infos_, fmt::format("blk.{}.{}.{}", number / 5, part, number));
        append(infos_, std::uint32_t{rows > 1 ? 2U : 1U});
        append(infos_, blocks * type.elements);
        if (rows > 1) append(infos_, rows);
        append(infos_, type.id);
        pad(data_, static_cast<char>(below(2)));
        append(infos_, std::uint64_t{data_.size()});
        for (std::uint64_t i = 0; i < blocks * type.bytes * rows; ++i) data_ += static_cast<char>(random_());
    }

    std::mt19937_64& random_;
    RandomModel model_;
    std::string keys_;
    std::uint64_t key_count_ = 0;
    std::string infos_;
    std::string data_;
};

}  // namespace

RandomModel random_model(std::mt19937_64& random, std::uint64_t most_tensors) {
    return Builder(random, most_tensors).build();
}

}  // namespace ggufmap::test
