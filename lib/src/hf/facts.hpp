// What configurations are made from: a model's metadata without the architecture's prefix, and what its
// tensors tell.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ggufmap/hf/vocabulary.hpp"
#include "ggufmap/model.hpp"

namespace ggufmap::hf {

class Facts {
public:
    /// What may have a value for each layer.
    static constexpr std::string_view layered_keys[] = {"attention.head_count", "attention.head_count_kv",
                                                        "feed_forward_length"};

    /// `model` must outlive this.
    explicit Facts(const Model& model);

    const Model& model() const { return model_; }
    std::string_view architecture() const { return model_.head().architecture(); }

    /// ARCHITECTURE.key. Of an array with a value for each layer the largest. Throws Error (malformed) for a
    /// value of another kind, and for an array that is none of layered_keys.
    std::optional<std::uint64_t> number(std::string_view key) const;
    /// The same for one layer.
    std::optional<std::uint64_t> number_of_layer(std::string_view key, std::uint64_t layer) const;
    std::optional<float> real(std::string_view key) const;
    std::optional<bool> flag(std::string_view key) const;
    std::string_view text(std::string_view key) const;

    /// True where some tensor's name has `part` in it.
    bool has_tensor_like(std::string_view part) const;
    const ModelTensor* tensor(std::string_view name) const { return model_.find_tensor(name); }
    /// The second dimension of a matrix, in GGUF's order.
    std::optional<std::uint64_t> rows(std::string_view tensor) const;
    /// The values of a small F32 vector; empty where there is none. Reads the file.
    std::vector<float> vector_of(std::string_view tensor) const;

    /// Attention heads; 1 where the metadata names none.
    std::uint64_t heads() const { return heads_; }
    std::uint64_t key_value_heads() const { return number("attention.head_count_kv").value_or(heads_); }
    std::uint64_t hidden_size() const { return hidden_size_; }
    std::uint64_t layers() const { return number("block_count").value_or(0); }
    /// attention.key_length, or the hidden size divided by the heads.
    std::uint64_t head_size() const { return number("attention.key_length").value_or(hidden_size_ / heads_); }

private:
    const KeyValue* entry(std::string_view key) const;
    [[noreturn]] void fail(const KeyValue& entry, const char* reason) const;

    const Model& model_;
    std::uint64_t heads_;
    std::uint64_t hidden_size_;
};

}  // namespace ggufmap::hf
