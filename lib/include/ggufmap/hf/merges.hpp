// The merges of a BPE vocabulary: those in the file, or rebuilt from sentencepiece's scores.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "ggufmap/export.hpp"
#include "ggufmap/hf/vocabulary.hpp"

namespace ggufmap::hf {

using MergeSink = std::function<void(std::string_view left, std::string_view right)>;

/// Longest token, in bytes, that takes part in rebuilt merges; real ones are shorter.
inline constexpr std::size_t longest_mergeable_token = 1024;
/// Most bytes that rebuilding merges may look at: every token at every cut, so the squares of their lengths.
/// Bounds the output, too. The 32,000 tokens of Llama 2 take 1.7 million, the 64,000 of Baichuan 2.0 million.
inline constexpr std::uint64_t most_merge_work = 1ULL << 27;

/// Hands every merge to `sink`, the first to be applied first, and returns how many of the file's were left
/// out because they name tokens that the vocabulary does not list (Hugging Face's loader refuses the whole
/// file for one of them).
///
/// Where the file has none (sentencepiece), each token is cut in two at every character, and every cut whose
/// halves are tokens is a merge; order: user-defined tokens by falling length, so that the longest run of
/// blanks wins, then falling score, then rising id, then the longer left half. Same set and order as Hugging
/// Face's own converter, in O(n log n) instead of O(n^2). Throws Error (limit) beyond most_merge_work.
GGUFMAP_API std::uint64_t for_each_merge(const Vocabulary& vocabulary, const MergeSink& sink);

}  // namespace ggufmap::hf
