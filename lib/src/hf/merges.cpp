#include "ggufmap/hf/merges.hpp"

#include <algorithm>
#include <bit>
#include <bitset>
#include <cmath>
#include <string>

#include "ggufmap/error.hpp"

namespace ggufmap::hf {
namespace {

std::uint64_t merges_of_file(const Vocabulary& vocabulary, const MergeSink& sink) {
    std::uint64_t dropped = 0;
    std::string whole;
    for (const Value value : *vocabulary.merges()) {
        const std::string_view merge = *value.as_string();
        // A left half may itself start with a blank.
        const std::size_t blank = merge.find(' ', 1);
        if (blank == std::string_view::npos) {
            ++dropped;
            continue;
        }
        const std::string_view left = merge.substr(0, blank);
        const std::string_view right = merge.substr(blank + 1);
        whole.assign(left).append(right);
        if (vocabulary.find(left) && vocabulary.find(right) && vocabulary.find(whole)) {
            sink(left, right);
        } else {
            ++dropped;
        }
    }
    return dropped;
}

constexpr bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

// Rises as `score` falls; NaN comes last.
std::uint32_t falling(float score) {
    if (std::isnan(score)) return UINT32_MAX;
    const auto bits = std::bit_cast<std::uint32_t>(score + 0.0F);  // -0 counts as 0
    const std::uint32_t rising = (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
    return ~rising;
}

class Rebuilder {
public:
    explicit Rebuilder(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {
        std::uint64_t work = 0;
        for (std::uint32_t id = 0; id < vocabulary.size(); ++id) {
            if (!mergeable(id)) continue;
            const std::uint64_t length = vocabulary.piece(id).size();
            work += length * length;  // at most 2^20 for each of 2^32 tokens
            lengths_.set(length);
            order_.push_back(priority(id));
        }
        if (work > most_merge_work)
            throw Error(ErrorKind::limit, {vocabulary.file(), "key 'tokenizer.ggml.tokens'"},
                        "the tokens are too long to rebuild merges from");
        std::sort(order_.begin(), order_.end());
    }

    void run(const MergeSink& sink) const {
        for (const Ranked& token : order_) cut(vocabulary_.piece(token.id), sink);
    }

private:
    struct Ranked {
        std::uint64_t key;
        std::uint32_t id;
        auto operator<=>(const Ranked&) const = default;
    };

    bool mergeable(std::uint32_t id) const {
        const TokenKind kind = vocabulary_.kind(id);
        // Of what is found before blanks become visible, nothing is left to merge.
        if (kind == TokenKind::user_defined && vocabulary_.piece(id).find(' ') != std::string_view::npos)
            return false;
        return (kind == TokenKind::normal || kind == TokenKind::user_defined || kind == TokenKind::unused) &&
               vocabulary_.listed(id) && vocabulary_.piece(id).size() <= longest_mergeable_token;
    }

    Ranked priority(std::uint32_t id) const {
        if (vocabulary_.kind(id) != TokenKind::user_defined)
            return {1ULL << 32 | falling(vocabulary_.score(id)), id};
        const std::string_view piece = vocabulary_.piece(id);
        const auto characters = std::count_if(piece.begin(), piece.end(), starts_character);
        return {UINT32_MAX - static_cast<std::uint64_t>(characters), id};
    }

    bool is_half(std::string_view piece) const {
        if (!lengths_.test(piece.size())) return false;
        const auto id = vocabulary_.find(piece);
        return id && mergeable(*id);
    }

    void cut(std::string_view piece, const MergeSink& sink) const {
        for (std::size_t at = piece.size(); at-- > 1;) {
            if (!starts_character(piece[at])) continue;
            const std::string_view left = piece.substr(0, at);
            const std::string_view right = piece.substr(at);
            if (is_half(left) && is_half(right)) sink(left, right);
        }
    }

    const Vocabulary& vocabulary_;
    std::vector<Ranked> order_;
    std::bitset<longest_mergeable_token + 1> lengths_;  // that occur: most cuts of long tokens end here
};

}  // namespace

std::uint64_t for_each_merge(const Vocabulary& vocabulary, const MergeSink& sink) {
    if (vocabulary.merges()) return merges_of_file(vocabulary, sink);
    Rebuilder(vocabulary).run(sink);
    return 0;
}

}  // namespace ggufmap::hf
