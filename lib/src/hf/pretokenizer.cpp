// Regular expressions as the models' own tokenizer.json files have them. Everything outside ASCII is a \u
// escape: six code points of deepseek-llm's expression are not stable under NFC, and an editor that
// normalizes would break them unseen. A unit test holds the SHA-256 of five of them, which is also how Ollama
// recognises a tokenizer.
#include "ggufmap/hf/pretokenizer.hpp"

#include <algorithm>

namespace ggufmap::hf {
namespace {

constexpr std::string_view llama3 =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r"
    "\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

constexpr std::string_view qwen2 =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
    "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

constexpr std::string_view qwen35 =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p"
    "{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

constexpr std::string_view tekken =
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r"
    "\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}| ?[^"
    "\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

constexpr std::string_view gpt4o =
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|"
    "'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm"
    "}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*["
    "\\r\\n]+|\\s+(?!\\S)|\\s+";

constexpr std::string_view gpt2 =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

constexpr std::string_view bloom = " ?[^(\\s|.,!?\u2026\u3002\uFF0C\u3001\u0964\u06D4\u060C)]+";

// Letters of the scripts that deepseek-llm was trained on, with an optional blank before.
constexpr std::string_view deepseek_llm_letters =
    "\\s?[A-Za-z\u00B5\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u01BA\u01BC-\u01BF\u01C4-\u0293\u0295-\u02AF"
    "\u0370-\u0373\u0376\u0377\u037B-\u037D\u037F\u0386\u0388-\u038A\u038C\u038E-\u03A1\u03A3-\u03F5"
    "\u03F7-\u0481\u048A-\u052F\u0531-\u0556\u10A0-\u10C5\u13A0-\u13F5\u13F8-\u13FD\u1C90-\u1CBA"
    "\u1CBD-\u1CBF\u1D00-\u1D2B\u1D6B-\u1D77\u1D79-\u1D9A\u1E00-\u1F15\u1F18-\u1F1D\u1F20-\u1F45"
    "\u1F48-\u1F4D\u1F50-\u1F57\u1F59\u1F5B\u1F5D\u1F5F-\u1F7D\u1F80-\u1FB4\u1FB6-\u1FBC\u1FBE\u1FC2-"
    "\u1FC4\u1FC6-\u1FCC\u1FD0-\u1FD3\u1FD6-\u1FDB\u1FE0-\u1FEC\u1FF2-\u1FF4\u1FF6-\u1FFC\u2102\u2107"
    "\u210A-\u2113\u2115\u2119-\u211D\u2124\u2126\u2128\u212A-\u212D\u212F-\u2134\u2139\u213C-\u213F"
    "\u2145-\u2149\u214E\u2183\u2184\u2C00-\u2C7B\u2C7E-\u2CE4\u2CEB-\u2CEE\u2CF2\u2CF3\uA640-\uA66D"
    "\uA680-\uA69B\uA722-\uA76F\uA771-\uA787\uA78B-\uA78E\uAB70-\uABBF\uFB00-\uFB06\uFB13-\uFB17"
    "\uFF21-\uFF3A\uFF41-\uFF5A\U00010400-\U0001044F\U000104B0-\U000104D3\U000104D8-\U000104FB"
    "\U00010C80-\U00010CB2\U00010CC0-\U00010CF2\U000118A0-\U000118DF\U0001E900-\U0001E943]+";

// CJK and Hangul as both first DeepSeek generations cut them.
constexpr std::string_view deepseek_cjk = "[\u4E00-\u9FA5\u0800-\u4E00\uAC00-\uD7FF]+";

constexpr std::string_view deepseek_v3_words =
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+|"
    " ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+";

using Step = PreTokenizerStep;
using Kind = Step::Kind;

constexpr Step split(std::string_view regex) { return {Kind::split, regex}; }

constexpr Step llama3_steps[] = {split(llama3), {Kind::byte_level}};
constexpr Step qwen2_steps[] = {split(qwen2), {Kind::byte_level_untrimmed}};
constexpr Step qwen35_steps[] = {split(qwen35), {Kind::byte_level_untrimmed}};
constexpr Step gpt4o_steps[] = {split(gpt4o), {Kind::byte_level}};
constexpr Step tekken_steps[] = {split(tekken), {Kind::byte_level}};
constexpr Step deepseek_llm_steps[] = {
    split("[\r\n]"),
    split(deepseek_llm_letters),
    split("\\s?[!-/:-~\uFF01-\uFF0F\uFF1A-\uFF5E\u2018-\u201F\u3000-\u3002]+"),
    split("\\s+$"),
    split(deepseek_cjk),
    {Kind::single_digits},
    {Kind::byte_level}};
constexpr Step deepseek_coder_steps[] = {split("[\r\n]"),     split("\\s?\\p{L}+"),  split("\\s?\\p{P}+"),
                                         split(deepseek_cjk), {Kind::single_digits}, {Kind::byte_level}};
constexpr Step deepseek_v3_steps[] = {split("\\p{N}{1,3}"),
                                      split("[\u4E00-\u9FA5\u3040-\u309F\u30A0-\u30FF]+"),
                                      split(deepseek_v3_words),
                                      {Kind::byte_level}};
constexpr Step falcon_steps[] = {
    {Kind::punctuation}, {Kind::byte_level_regex}, {Kind::digits}, split("[0-9][0-9][0-9]")};
constexpr Step single_digits_steps[] = {{Kind::single_digits}, {Kind::byte_level_regex}};
constexpr Step gpt2_steps[] = {{Kind::byte_level_regex}};
constexpr Step bloom_steps[] = {split(bloom), {Kind::byte_level}};
constexpr Step viking_steps[] = {split(bloom), split("\\p{N}"), {Kind::byte_level}};
constexpr Step default_steps[] = {split("[\\p{P}\\$\\+<=>\\^~\\|]+"),
                                  split(gpt2),
                                  split("\\p{N}+"),
                                  split("[0-9][0-9][0-9]"),
                                  {Kind::byte_level}};

constexpr PreTokenizer table[] = {
    {.names = "llama3 llama-v3 llama-bpe laguna falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano",
     .steps = llama3_steps,
     .ignore_merges = true,
     .adds_bos = true},
    {.names = "dbrx smaug-bpe glm4 chatglm-bpe", .steps = llama3_steps},
    {.names = "qwen2 deepseek-r1-qwen kormo openpangu f2llmv2 megrez stablelm2 hunyuan solar-open grok-2",
     .steps = qwen2_steps,
     .nfc = true},
    {.names = "qwen35", .steps = qwen35_steps, .nfc = true},
    {.names = "gpt-4o llama4 kanana2 minimax-m2", .steps = gpt4o_steps},
    {.names = "tekken", .steps = tekken_steps, .ignore_merges = true, .adds_bos = true},
    {.names = "deepseek-llm", .steps = deepseek_llm_steps},
    {.names = "deepseek-coder", .steps = deepseek_coder_steps},
    {.names = "deepseek-v3 hunyuan-dense joyai-llm", .steps = deepseek_v3_steps},
    {.names = "falcon", .steps = falcon_steps},
    {.names = "starcoder refact smollm codeshell exaone minerva-7b mellum2", .steps = single_digits_steps},
    {.names = "command-r cohere2_moe", .steps = single_digits_steps, .nfc = true},
    {.names = "gpt-2 phi-2 jina-es jina-de gigachat jina-v2-es jina-v2-de a.x-4.0 mellum jais trillion "
              "granite-docling exaone4 roberta-bpe jina-v1-en jina-v2-code",
     .steps = gpt2_steps},
    {.names = "mpt olmo modern-bert", .steps = gpt2_steps, .nfc = true},
    {.names = "poro-chat bloom gpt3-finnish", .steps = bloom_steps},
    {.names = "viking", .steps = viking_steps},
    {.names = "default", .steps = default_steps},
};

bool lists(std::string_view names, std::string_view name) {
    for (std::size_t begin = 0; begin <= names.size();) {
        const std::size_t end = std::min(names.find(' ', begin), names.size());
        if (names.substr(begin, end - begin) == name) return true;
        begin = end + 1;
    }
    return false;
}

}  // namespace

const PreTokenizer* find_pre_tokenizer(std::string_view name) {
    const auto* at = std::find_if(std::begin(table), std::end(table),
                                  [&](const PreTokenizer& entry) { return lists(entry.names, name); });
    return at == std::end(table) ? nullptr : at;
}

std::span<const PreTokenizer> pre_tokenizers() { return table; }

}  // namespace ggufmap::hf
