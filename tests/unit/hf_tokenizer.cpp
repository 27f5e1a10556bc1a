#include "ggufmap/hf/tokenizer.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "ggufmap/digest.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/hf/merges.hpp"
#include "ggufmap/hf/pretokenizer.hpp"
#include "ggufmap/hf/sentencepiece.hpp"
#include "ggufmap/hf/stub.hpp"
#include "hf_support.hpp"

using namespace ggufmap;
using namespace ggufmap::hf;
using test::ModelOfText;
using Json = nlohmann::json;

namespace {

// Ids: 0 <unk>, 1 <s>, 2 </s>, then pieces; "ab" is worth more than "bc".
const std::string spm =
    "kv general.architecture str llama\n"
    "kv tokenizer.ggml.model str llama\n"
    "kv tokenizer.ggml.tokens array str <unk> <s> </s> a b c ab bc abc \"  \" \" \"\n"
    "kv tokenizer.ggml.scores array f32 0 0 0 -9 -9 -9 -1 -2 -3 -1000 -8\n"
    "kv tokenizer.ggml.token_type array i32 2 3 3 1 1 1 1 1 1 4 4\n";

std::string bpe(const std::string& more) {
    return "kv general.architecture str llama\n"
           "kv tokenizer.ggml.model str gpt2\n" +
           more;
}

Vocabulary vocabulary_of(const ModelOfText& of, Notes& notes) {
    REQUIRE(tokenizer_obstacle(of.model.head()).empty());
    return Vocabulary::read(of.model.head(), "m.gguf", notes);
}

std::vector<std::string> merges_of(const Vocabulary& vocabulary) {
    std::vector<std::string> merges;
    for_each_merge(vocabulary, [&](std::string_view left, std::string_view right) {
        merges.push_back(std::string(left) + " " + std::string(right));
    });
    return merges;
}

Json tokenizer_json(const Vocabulary& vocabulary, Notes& notes) {
    std::string text;
    JsonWriter json([&](std::string_view piece) { text += piece; });
    write_tokenizer_json(vocabulary, json, notes);
    return Json::parse(text);
}

std::string failure(const std::string& description) {
    const ModelOfText of(description);
    Notes notes;
    try {
        Vocabulary::read(of.model.head(), "m.gguf", notes);
    } catch (const Error& error) {
        return error.what();
    }
    return "read";
}

std::string regex_digest(std::string_view pre) {
    std::string all;
    for (const PreTokenizerStep& step : find_pre_tokenizer(pre)->steps) all += step.regex;
    return digest_hex(DigestKind::sha256, as_bytes(all));
}

}  // namespace

TEST_CASE("regular expressions are byte for byte those that Ollama knows") {
    CHECK(regex_digest("llama-bpe") == "d98f9631be1e9607a9848c26c1f9eac1aa9fc21ac6ba82a2fc0741af9780a48f");
    CHECK(regex_digest("qwen2") == "1ff7f41064896984db5d1bb6ff64fa4bc29007d08c1b439e505b7392777a319e");
    CHECK(regex_digest("qwen35") == "00431aed57e696b747435f734d1e3b9b1bfd931a121fb5cac7129e97c181e9ba");
    CHECK(regex_digest("deepseek-llm") == "03df5c5863ad70781dcfdef491ead25140f895fe8010964be0daefe27be32b02");
    CHECK(regex_digest("deepseek-coder") ==
          "21cde974d587f0d54dc8d56b183cc1e6239600172035c68fbd6d4b9f8da0576e");
    CHECK(find_pre_tokenizer("qwen") == nullptr);
    CHECK(find_pre_tokenizer("") == nullptr);
}

TEST_CASE("merges are rebuilt by score, those of user-defined tokens first") {
    const ModelOfText of(spm);
    Notes notes;
    const Vocabulary vocabulary = vocabulary_of(of, notes);
    CHECK(notes.empty());
    // User-defined blanks are found before anything is merged.
    CHECK(merges_of(vocabulary) == std::vector<std::string>{"a b", "b c", "ab c", "a bc"});

    // Gemma's: visible, and merged first.
    const ModelOfText gemma(spm + "kv tokenizer.ggml.add_space_prefix bool false\n");
    CHECK(merges_of(vocabulary_of(gemma, notes)) ==
          std::vector<std::string>{"\u2581 \u2581", "a b", "b c", "ab c", "a bc"});
}

TEST_CASE("user-defined tokens are spelled as text has them, in sentencepiece's file as it sees them") {
    const auto model = [](const std::string& last) {
        return "kv tokenizer.ggml.model str llama\n"
               "kv tokenizer.ggml.tokens array str <unk> \"a b\" \"" +
               last +
               "\"\nkv tokenizer.ggml.scores array f32 0 0 0\n"
               "kv tokenizer.ggml.token_type array i32 2 4 1\n";
    };
    Notes notes;
    const ModelOfText of(model("c"));
    const Vocabulary vocabulary = vocabulary_of(of, notes);
    const Json json = tokenizer_json(vocabulary, notes);
    CHECK(json["added_tokens"][1]["content"] == "a b");
    CHECK(json["model"]["vocab"]["a b"] == 1);
    CHECK(sentencepiece_obstacle(vocabulary).empty());
    CHECK(sentencepiece_model(vocabulary).find("a\u2581b") != std::string::npos);

    const ModelOfText twice(model("a\u2581b"));
    CHECK(sentencepiece_obstacle(vocabulary_of(twice, notes)) == "tokens spelled like an earlier one: 1");
}

TEST_CASE("merges in the file of a vocabulary that goes by scores are not used") {
    const ModelOfText of(spm + "kv tokenizer.ggml.merges array str \"b c\"\n");
    Notes notes;
    CHECK(merges_of(vocabulary_of(of, notes)).size() == 4);
}

TEST_CASE("merges of tokens that are all made of each other are not rebuilt beyond a limit") {
    const auto model = [](int longest) {
        std::string tokens, scores;
        for (int length = 1; length <= longest; ++length) {
            tokens += " " + std::string(static_cast<std::size_t>(length), 'a');
            scores += " 0";
        }
        return "kv tokenizer.ggml.model str llama\nkv tokenizer.ggml.tokens array str" + tokens +
               "\nkv tokenizer.ggml.scores array f32" + scores + "\n";
    };
    Notes notes;
    const ModelOfText small(model(40)), large(model(800));
    CHECK(merges_of(vocabulary_of(small, notes)).size() == 40 * 39 / 2);
    CHECK_THROWS_WITH_AS(merges_of(vocabulary_of(large, notes)),
                         doctest::Contains("m.gguf: key 'tokenizer.ggml.tokens': the tokens are too long"),
                         Error);
}

TEST_CASE("a token spelled twice is one, and sentencepiece gets no file") {
    const ModelOfText of(
        "kv tokenizer.ggml.model str llama\n"
        "kv tokenizer.ggml.tokens array str <unk> a a \\xff\n"
        "kv tokenizer.ggml.scores array f32 0 -1 -2 -3\n"
        "kv tokenizer.ggml.token_type array i32 2 1 1 1\n"
        "kv tokenizer.ggml.bos_token_id u32 99\n");
    Notes notes;
    const Vocabulary vocabulary = vocabulary_of(of, notes);
    CHECK(vocabulary.find("a") == 1);
    CHECK_FALSE(vocabulary.listed(2));
    CHECK_FALSE(vocabulary.special().bos);
    CHECK(sentencepiece_obstacle(vocabulary) == "tokens spelled like an earlier one: 1");
    CHECK(notes.size() >= 2);
}

TEST_CASE("tokenizer.json of a sentencepiece vocabulary") {
    const ModelOfText of(spm);
    Notes notes;
    const Vocabulary vocabulary = vocabulary_of(of, notes);
    const Json json = tokenizer_json(vocabulary, notes);
    CHECK(json["model"]["merges"].size() == 4);
    CHECK(json["model"]["vocab"]["abc"] == 8);
    CHECK(json["model"]["unk_token"] == "<unk>");
    CHECK(json["model"]["byte_fallback"] == false);
    CHECK(json["pre_tokenizer"].is_null());
    CHECK(json["normalizer"]["normalizers"][0]["prepend"] == "\u2581");
    CHECK(json["post_processor"]["single"][0]["SpecialToken"]["id"] == "<s>");
    CHECK(json["added_tokens"].size() == 5);
    CHECK(json["added_tokens"][3]["content"] == "  ");
    CHECK(json["added_tokens"][3]["special"] == false);
    CHECK(sentencepiece_obstacle(vocabulary).empty());
    // Field 1 of the first piece: "<unk>", score 0, type 2.
    CHECK(sentencepiece_model(vocabulary)
              .starts_with(std::string("\x0a\x0e\x0a\x05<unk>\x15\0\0\0\0\x18\x02", 16)));
}

TEST_CASE("merges of unknown tokens are left out and counted") {
    const ModelOfText of(
        bpe("kv tokenizer.ggml.pre str llama-bpe\n"
            "kv tokenizer.ggml.tokens array str a b ab x\n"
            "kv tokenizer.ggml.merges array str \"a b\" \"a x\" \"q b\" nonsense\n"));
    Notes notes;
    const Vocabulary vocabulary = vocabulary_of(of, notes);
    const Json json = tokenizer_json(vocabulary, notes);
    CHECK(json["model"]["merges"] == Json{"a b"});
    CHECK(json["model"]["ignore_merges"] == true);
    CHECK(notes == Notes{"tokenizer.ggml.token_type is missing: all tokens are taken for normal ones",
                         "merges of tokens that are not in the vocabulary: 3, left out"});
}

TEST_CASE("merges are pairs where a blank would be ambiguous") {
    const ModelOfText of(
        "kv tokenizer.ggml.model str gemma4\n"
        "kv tokenizer.ggml.tokens array str a \" \" \" a\"\n"
        "kv tokenizer.ggml.merges array str \"  a\"\n");
    Notes notes;
    const Json json = tokenizer_json(vocabulary_of(of, notes), notes);
    CHECK(json["model"]["merges"] == Json::array({Json{" ", "a"}}));
    CHECK(json["pre_tokenizer"]["behavior"] == "MergedWithPrevious");
}

namespace {

std::string bert(const std::string& more = {}) {
    return "kv tokenizer.ggml.model str bert\n"
           "kv tokenizer.ggml.tokens array str [PAD] [UNK] [CLS] [SEP] \"\xE2\x96\x81the\" s\n"
           "kv tokenizer.ggml.token_type array i32 3 3 3 3 1 1\n"
           "kv tokenizer.ggml.unknown_token_id u32 1\n"
           "kv tokenizer.ggml.cls_token_id u32 2\n"
           "kv tokenizer.ggml.seperator_token_id u32 3\n" +
           more;
}

}  // namespace

TEST_CASE("bert's pieces lose the mark of a word and gain that of a continuation") {
    // llama.cpp asks no key for [CLS] and [SEP].
    const ModelOfText of(bert("kv tokenizer.ggml.add_bos_token bool false\n"));
    Notes notes;
    const Vocabulary vocabulary = vocabulary_of(of, notes);
    const Json json = tokenizer_json(vocabulary, notes);
    CHECK(json["model"]["vocab"] ==
          Json{{"[PAD]", 0}, {"[UNK]", 1}, {"[CLS]", 2}, {"[SEP]", 3}, {"the", 4}, {"##s", 5}});
    CHECK(json["post_processor"]["pair"].size() == 5);
    CHECK(json["normalizer"]["lowercase"] == true);
    CHECK(json["normalizer"]["strip_accents"].is_null());
}

TEST_CASE("bert's accents go or stay as the metadata says") {
    for (const bool strips : {true, false}) {
        const ModelOfText of(
            bert("kv tokenizer.ggml.normalizer.lowercase bool false\n"
                 "kv tokenizer.ggml.normalizer.strip_accents bool " +
                 std::string(strips ? "true\n" : "false\n")));
        Notes notes;
        const Json json = tokenizer_json(vocabulary_of(of, notes), notes);
        CHECK(json["normalizer"]["lowercase"] == false);
        CHECK(json["normalizer"]["strip_accents"] == strips);
    }
}

TEST_CASE("unigram vocabularies keep scores and positions") {
    const ModelOfText of(
        "kv tokenizer.ggml.model str t5\n"
        "kv tokenizer.ggml.tokens array str <pad> </s> <unk> \"\xE2\x96\x81\" x\n"
        "kv tokenizer.ggml.scores array f32 0 0 0 -2.5 -3\n"
        "kv tokenizer.ggml.token_type array i32 3 3 2 1 4\n"
        "kv tokenizer.ggml.precompiled_charsmap array u8 4 0 0 0 1 2 3 4 97 0\n");
    Notes notes;
    const Json json = tokenizer_json(vocabulary_of(of, notes), notes);
    CHECK(json["model"]["unk_id"] == 2);
    CHECK(json["model"]["vocab"][3] == Json{"\u2581", -2.5});
    CHECK(json["model"]["vocab"][4] == Json{"x", 0.0});
    CHECK(json["normalizer"]["normalizers"][0]["precompiled_charsmap"] == "BAAAAAECAwRhAA==");
    CHECK(json["post_processor"]["single"][1]["SpecialToken"]["id"] == "</s>");
}

TEST_CASE("unigram vocabularies treat blanks as llama.cpp does") {
    const auto json = [](const std::string& more) {
        const ModelOfText of(
            "kv tokenizer.ggml.model str t5\n"
            "kv tokenizer.ggml.tokens array str <pad> </s> <unk> x\n"
            "kv tokenizer.ggml.scores array f32 0 0 0 -2.5\n" +
            more);
        Notes notes;
        return tokenizer_json(vocabulary_of(of, notes), notes);
    };
    const Json plain = json("");  // no key, no prefix, and blanks stay
    CHECK(plain["normalizer"]["normalizers"].size() == 1);
    CHECK(plain["normalizer"]["normalizers"][0]["content"] == "\u2581");
    CHECK(plain["pre_tokenizer"].is_null());
    // A prefix comes with each word even where none is asked for; line breaks are not stripped.
    const Json words = json("kv tokenizer.ggml.remove_extra_whitespaces bool true\n");
    CHECK(words["pre_tokenizer"]["prepend_scheme"] == "always");
    for (const Json& part : words["normalizer"]["normalizers"]) CHECK(part["type"] == "Replace");
}

TEST_CASE("what has no exact form says so") {
    const auto obstacle = [](const std::string& description) {
        return tokenizer_obstacle(ModelOfText(description).model.head());
    };
    CHECK(obstacle("kv a str b\n") == "the model has no tokenizer");
    CHECK(obstacle("kv tokenizer.ggml.model str rwkv\n") ==
          "the tokenizer 'rwkv' has no exact form in Hugging Face's tokenizers");
    CHECK(obstacle(bpe("kv tokenizer.ggml.pre str whitespace\n")) ==
          "the pre-tokenizer 'whitespace' is not known");
    CHECK(obstacle("kv tokenizer.ggml.model array str gpt2\n") ==
          "the key 'tokenizer.ggml.model' must be a string");
    // Not taken for an absent one, which has rules of its own.
    CHECK(obstacle(bpe("kv tokenizer.ggml.pre array str qwen2\n")) ==
          "the key 'tokenizer.ggml.pre' must be a string");
    CHECK(obstacle(bpe("kv tokenizer.ggml.pre str qwen2\n")) ==
          "the tokenizer 'gpt2' needs merges, and the file has none");
}

TEST_CASE("broken vocabularies are told in one line") {
    const std::string head = "kv tokenizer.ggml.model str llama\n";
    CHECK(failure(head) == "m.gguf: key 'tokenizer.ggml.tokens': is missing");
    CHECK(failure(head + "kv tokenizer.ggml.tokens str a\n") ==
          "m.gguf: key 'tokenizer.ggml.tokens': must be an array of string");
    CHECK(failure(head + "kv tokenizer.ggml.tokens array str a b\n") ==
          "m.gguf: key 'tokenizer.ggml.scores': is missing");
    CHECK(failure(head + "kv tokenizer.ggml.tokens array str a b\nkv tokenizer.ggml.scores array f32 0\n") ==
          "m.gguf: key 'tokenizer.ggml.scores': has 1 elements for 2 tokens");
    CHECK(
        failure(head + "kv tokenizer.ggml.tokens array str a\nkv tokenizer.ggml.token_type array i32 9\n") ==
        "m.gguf: key 'tokenizer.ggml.token_type': no token type is 9");
    const std::string scored = head + "kv tokenizer.ggml.tokens array str a\nkv tokenizer.ggml.scores ";
    CHECK(failure(scored + "f32 0\n") == "m.gguf: key 'tokenizer.ggml.scores': must be an array of float32");
    CHECK(failure(scored + "array f32 0\nkv tokenizer.ggml.add_bos_token array bool true\n") ==
          "m.gguf: key 'tokenizer.ggml.add_bos_token': must be a bool");
    CHECK(failure(scored + "array f32 0\nkv tokenizer.ggml.precompiled_charsmap str x\n") ==
          "m.gguf: key 'tokenizer.ggml.precompiled_charsmap': must be an array of bytes");
}

TEST_CASE("the small files") {
    const ModelOfText of(spm +
                         "kv llama.context_length u32 4096\n"
                         "kv tokenizer.ggml.eot_token_id u32 1\n"
                         "kv general.sampling.temp f32 0.6\n"
                         "kv tokenizer.chat_template str \"hi\"\n"
                         "kv tokenizer.chat_template.tool_use str \"tools\"\n");
    Notes notes;
    const Vocabulary vocabulary = vocabulary_of(of, notes);
    const Object config = tokenizer_config(vocabulary, of.model.head());
    CHECK(*find(config, "tokenizer_class") == Node("PreTrainedTokenizerFast"));
    CHECK(*find(config, "model_max_length") == Node(4096));
    CHECK(*find(config, "chat_template") == Node(Array{Object{{"name", "default"}, {"template", "hi"}},
                                                       Object{{"name", "tool_use"}, {"template", "tools"}}}));
    const Object generation = generation_config(&vocabulary, of.model.head());
    CHECK(*find(generation, "eos_token_id") == Node(Array{2, 1}));
    CHECK(*find(generation, "temperature") == Node(0.6F));
    CHECK(*find(generation, "do_sample") == Node(true));
}

TEST_CASE("tokens that end a turn are those of llama.cpp") {
    const auto ends = [](const std::string& tokens, const std::string& types) {
        const ModelOfText of(
            bpe("kv tokenizer.ggml.tokens array str " + tokens + "\nkv tokenizer.ggml.token_type array i32 " +
                types + "\nkv tokenizer.ggml.merges array str\nkv tokenizer.ggml.eos_token_id u32 0\n"));
        Notes notes;
        return end_tokens(vocabulary_of(of, notes));
    };
    using Ids = std::vector<std::uint32_t>;
    // Whatever their type.
    CHECK(ends("a <turn|> <eos> [EOS] <|call|>", "1 1 3 4 3") == Ids{0, 4, 1, 2, 3});
    CHECK(ends("a <|end|> <|return|>", "1 3 3") == Ids{0, 1, 2});
    // gpt-oss ends its channels with <|end|>, solar-open its thoughts; not even a key makes that a turn's
    // end.
    CHECK(ends("a <|end|> <|return|> <|call|>", "1 3 3 3") == Ids{0, 2, 3});
    CHECK(ends("<|end|> <|calls|> <|flush|>", "3 3 3") == Ids{1, 2});
    CHECK(ends("a </s>", "1 3") == Ids{0, 1});
    CHECK(ends("a </s> <|tool_response>", "1 3 3") == Ids{0, 2});
}

TEST_CASE("stop texts are written as Ollama reads them, or not at all") {
    const ModelOfText of(
        bpe("kv tokenizer.ggml.tokens array str a \"\"\n"
            "kv tokenizer.ggml.merges array str\n"
            "kv tokenizer.ggml.eos_token_id u32 0\nkv tokenizer.ggml.eot_token_id u32 1\n"));
    Notes notes;
    CHECK(stop_texts(vocabulary_of(of, notes)) == std::vector<std::string>{"a"});
    const std::string text =
        modelfile(of.model, {"a\"b", "q\"", "\"", "\"\"q\"", "x\ny", "x\ry", "\"\"\"", " pad "});
    CHECK(text.substr(text.find('\n') + 1) ==
          "PARAMETER stop \"\"\"a\"b\"\"\"\nPARAMETER stop \"q\"\"\nPARAMETER stop \" pad \"\n");
}
