// The merges of a BPE vocabulary: those in the file, or rebuilt from sentencepiece's scores.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "ggufmap/export.hpp"
#include "ggufmap/hf/vocabulary.hpp"

namespace ggufmap::hf {

using MergeSink = std::function<void(std::string_view left, std::string_view right)>;

/// Longest token, in bytes, that takes part in rebuilt merges. Cutting a token at every character costs its
/// length squared; real tokens stay below 1,024 bytes.
inline constexpr std::size_t longest_mergeable_token = 4096;

/// Hands every merge to `sink`, the first to be applied first, and returns how many of the file's were left
/// out because they name tokens that the vocabulary does not list (Hugging Face's loader refuses the whole
/// file for one of them).
///
/// Where the file has none (sentencepiece), each token is cut in two at every character, and every cut whose
/// halves are tokens is a merge; order: user-defined tokens by falling length, so that the longest run of
/// blanks wins, then falling score, then rising id, then the longer left half. Same set and order as Hugging
/// Face's own converter, in O(n log n) instead of O(n^2).
GGUFMAP_API std::uint64_t for_each_merge(const Vocabulary& vocabulary, const MergeSink& sink);

}  // namespace ggufmap::hf
