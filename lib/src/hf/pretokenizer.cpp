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

// Turkish apostrophe suffixes stay with their words.
constexpr std::string_view ufakzeka =
    "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

constexpr std::string_view seed_coder =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|\\s*["
    "\\r\\n]+|\\s+(?!\\S)|\\s+";

constexpr std::string_view minicpm5 =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}+| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*["
    "\\r\\n]+|\\s+(?!\\S)|\\s+";

constexpr std::string_view exaone_moe =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}| ?[^\\s"
    "\\p{L}\\p{N}]+[\\r\\n/]?|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+";

// The original's quantifiers are possessive, which JavaScript has no word for and which changes no match.
constexpr std::string_view bailingmoe =
    "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]|"
    "\\s+(?!\\S)|\\s+";

constexpr std::string_view jais2 =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| "
    "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*"
    "[\\r\\n]+|\\s{512}(?!\\S)|\\s{256}(?!\\S)|\\s{128}(?!\\S)|\\s{64}(?!\\S)|\\s{32}(?!\\S)|\\s{16}(?!\\S)|"
    "\\s{8}"
    "(?!\\S)|\\s{4}(?!\\S)|\\s{1,2}(?!\\S)|\\s{1}";

// The original says [...&&[^\p{Han}]], which Oniguruma alone understands: the script's ranges stand in a
// lookahead instead.
#define GGUFMAP_HAN                                                                                     \
    "\u2E80-\u2E99\u2E9B-\u2EF3\u2F00-\u2FD5\u3005\u3007\u3021-\u3029\u3038-\u303B\u3400-\u4DBF\u4E00-" \
    "\u9FFF\uF900-\uFA6D\uFA70-\uFAD9\U00016FE2\U00016FE3\U00016FF0\U00016FF1\U00020000-\U0002A6DF"     \
    "\U0002A700-\U0002EBE0\U0002EBF0-\U0002EE5D\U0002F800-\U0002FA1D\U00030000-\U000323AF"
#define GGUFMAP_UPPER "(?:(?![" GGUFMAP_HAN "])[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}])"
#define GGUFMAP_LOWER "(?:(?![" GGUFMAP_HAN "])[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}])"
constexpr std::string_view kimi_k2 =
    "[" GGUFMAP_HAN "]+|[^\\r\\n\\p{L}\\p{N}]?" GGUFMAP_UPPER "*" GGUFMAP_LOWER
    "+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?" GGUFMAP_UPPER "+" GGUFMAP_LOWER
    "*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| "
    "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
#undef GGUFMAP_HAN
#undef GGUFMAP_UPPER
#undef GGUFMAP_LOWER

constexpr std::string_view youtu_words =
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|"
    "'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm"
    "}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*["
    "\\r\\n]+|\\s+(?!\\S)|\\s+";

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

constexpr std::string_view spark_words =
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+|"
    " ?[\\p{P}\\p{S}]+|[\r\n]|\\s+(?!\\S)|\\s+";

// Scripts without blanks between words. llama.cpp's source begins the third range at U+8C48, which is what
// NFC makes of U+F900.
constexpr std::string_view afmoe_scripts =
    "[\u4E00-\u9FFF\u3400-\u4DBF\uF900-\uFAFF\u3040-\u309F\u30A0-\u30FF\uFF65-\uFF9F\u2F00-\u2FDF\u0E40-"
    "\u0E7F\u0E80-\u0EFF\u1780-\u17FF\u1000-\u109F\uAA60-\uAA7F\uA9E0-\uA9FF\uAC00-\uD7AF\u1100-\u11FF]+";

using Step = PreTokenizerStep;
using Kind = Step::Kind;

constexpr Step split(std::string_view regex) { return {Kind::split, regex}; }

constexpr Step llama3_steps[] = {split(llama3), {Kind::byte_level}};
constexpr Step qwen2_steps[] = {split(qwen2), {Kind::byte_level_untrimmed}};
constexpr Step laguna_steps[] = {split("[^\\n]+|[\\n]+"), split(qwen2), {Kind::byte_level}};
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
constexpr Step ufakzeka_steps[] = {split(ufakzeka), {Kind::byte_level}};
constexpr Step seed_coder_steps[] = {split(seed_coder), {Kind::byte_level}};
constexpr Step minicpm5_steps[] = {split("\\p{N}{1,3}"), split(minicpm5), {Kind::byte_level}};
constexpr Step exaone_moe_steps[] = {split(exaone_moe), {Kind::byte_level}};
constexpr Step bailingmoe_steps[] = {split(bailingmoe), {Kind::byte_level}};
constexpr Step jais2_steps[] = {split(jais2), {Kind::byte_level}};
constexpr Step kimi_k2_steps[] = {split(kimi_k2), {Kind::byte_level}};
constexpr Step youtu_steps[] = {
    split("[\uAC00-\uD7A3\u3131-\u318E]+|[\uFF01\u2026\u201C\u201D\u2018\u2019\u2014\uFF1A"
          "\uFF1B\uFF0C\u3001-\u303F\uFE30-\uFE4F]+|[\u3105-\u312F]+|[\u4E00-\u9FA5"
          "\u3040-\u309F\u30A0-\u30FF]+"),
    split(youtu_words),
    {Kind::byte_level}};
// Groups of three digits, counted from the end of the number.
constexpr Step tiny_aya_steps[] = {split("\\d{1,3}(?=(?:\\d{3})*\\b)"), split(gpt4o), {Kind::byte_level}};
constexpr Step superbpe_steps[] = {split("\\p{N}+"), split("(?=(\\d{3})+(?!\\d))"), {Kind::byte_level}};
constexpr Step afmoe_steps[] = {split("\\p{N}{1,3}(?=(?:\\p{N}{3})*(?!\\p{N}))"),
                                split(afmoe_scripts),
                                split(deepseek_v3_words),
                                {Kind::byte_level}};
constexpr Step spark_steps[] = {split("\\p{N}{1,3}"),
                                split("[\u4E00-\u9FA5\u3040-\u309F\u30A0-\u30FF]+"),
                                split(spark_words),
                                split("\\p{N}"),
                                {Kind::byte_level}};
constexpr Step chameleon_steps[] = {split("<sentinel:[0-9]+>"),
                                    split("(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z"),
                                    split("([\\t\\n]|    |  )"),
                                    split("\\p{N}"),
                                    split("[\\p{P}!-/:-@\\[-`{-~]"),
                                    split(gpt2),
                                    {Kind::byte_level}};
constexpr Step default_steps[] = {split("[\\p{P}\\$\\+<=>\\^~\\|]+"),
                                  split(gpt2),
                                  split("\\p{N}+"),
                                  split("[0-9][0-9][0-9]"),
                                  {Kind::byte_level}};

constexpr PreTokenizer table[] = {
    {.names = "llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano",
     .steps = llama3_steps,
     .ignore_merges = true,
     .adds_bos = true},
    {.names = "dbrx smaug-bpe glm4 chatglm-bpe", .steps = llama3_steps},
    {.names = "qwen2 deepseek-r1-qwen kormo openpangu f2llmv2 megrez stablelm2 hunyuan solar-open grok-2",
     .steps = qwen2_steps,
     .nfc = true},
    {.names = "laguna", .steps = laguna_steps},
    {.names = "qwen35", .steps = qwen35_steps, .nfc = true},
    {.names = "gpt-4o llama4 kanana2 minimax-m2 talkie", .steps = gpt4o_steps},
    {.names = "granite-embed-multi-97m", .steps = gpt4o_steps, .ignore_merges = true},
    {.names = "tekken", .steps = tekken_steps, .ignore_merges = true, .adds_bos = true},
    {.names = "deepseek-llm", .steps = deepseek_llm_steps},
    {.names = "deepseek-coder", .steps = deepseek_coder_steps},
    {.names = "deepseek-v3 hunyuan-dense joyai-llm hy_v4", .steps = deepseek_v3_steps},
    {.names = "falcon", .steps = falcon_steps},
    {.names = "starcoder refact smollm codeshell exaone minerva-7b mellum2", .steps = single_digits_steps},
    {.names = "command-r cohere2_moe", .steps = single_digits_steps, .nfc = true},
    {.names = "gpt-2 phi-2 jina-es jina-de gigachat jina-v2-es jina-v2-de a.x-4.0 mellum jais trillion "
              "granite-docling exaone4 roberta-bpe jina-v1-en jina-v2-code",
     .steps = gpt2_steps},
    {.names = "mpt olmo modern-bert", .steps = gpt2_steps, .nfc = true},
    {.names = "poro-chat bloom gpt3-finnish", .steps = bloom_steps},
    {.names = "viking", .steps = viking_steps},
    {.names = "ufakzeka", .steps = ufakzeka_steps},
    {.names = "seed-coder", .steps = seed_coder_steps},
    {.names = "minicpm5", .steps = minicpm5_steps, .ignore_merges = true},
    {.names = "exaone-moe", .steps = exaone_moe_steps},
    {.names = "bailingmoe bailingmoe2 llada-moe", .steps = bailingmoe_steps},
    {.names = "jais-2", .steps = jais2_steps},
    {.names = "kimi-k2", .steps = kimi_k2_steps},
    {.names = "youtu", .steps = youtu_steps, .ignore_merges = true},
    {.names = "tiny_aya cohere2moe", .steps = tiny_aya_steps, .nfc = true},
    {.names = "superbpe", .steps = superbpe_steps},
    {.names = "afmoe", .steps = afmoe_steps},
    {.names = "spark2_5", .steps = spark_steps},
    {.names = "chameleon", .steps = chameleon_steps, .adds_bos = true},
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
