#include "ggufmap/json.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "ggufmap/text.hpp"

using namespace ggufmap;

namespace {

std::string written(const std::function<void(JsonWriter&)>& write) {
    std::string out;
    JsonWriter json([&](std::string_view piece) { out += piece; });
    write(json);
    json.finish();
    return out;
}

}  // namespace

TEST_CASE("members stand on lines of their own, inline containers on one") {
    const std::string out = written([](JsonWriter& json) {
        json.begin_object();
        json.key("a");
        json.number(1U);
        json.key("b");
        json.begin_array(JsonWriter::Layout::inline_);
        json.number(-1);
        json.null();
        json.boolean(true);
        json.end_array();
        json.key("c");
        json.begin_object();
        json.end_object();
        json.end_object();
    });
    CHECK(out == "{\n  \"a\": 1,\n  \"b\": [-1, null, true],\n  \"c\": {}\n}\n");
}

TEST_CASE("compact containers hold no blank, whatever is inside") {
    const std::string out = written([](JsonWriter& json) {
        json.begin_object(JsonWriter::Layout::compact);
        json.key("a");
        json.begin_array();
        json.number(1U);
        json.number(2U);
        json.end_array();
        json.key("b");
        json.begin_object();
        json.end_object();
        json.end_object();
    });
    CHECK(out == "{\"a\":[1,2],\"b\":{}}\n");
}

TEST_CASE("a name quoted once is the same name in every layout") {
    const JsonKey name("a\"b");
    const auto with = [&](const auto& key, JsonWriter::Layout layout) {
        return written([&](JsonWriter& json) {
            json.begin_object(layout);
            for (int i = 0; i < 2; ++i) {
                json.key(key);
                json.number(i);
            }
            json.end_object();
        });
    };
    for (const auto layout :
         {JsonWriter::Layout::lines, JsonWriter::Layout::inline_, JsonWriter::Layout::compact})
        CHECK(with(name, layout) == with(std::string_view("a\"b"), layout));
    CHECK(with(name, JsonWriter::Layout::compact) == "{\"a\\\"b\":0,\"a\\\"b\":1}\n");
}

TEST_CASE("numbers are exact and never NaN") {
    const auto number = [](auto value) { return written([&](JsonWriter& json) { json.number(value); }); };
    CHECK(number(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615\n");
    CHECK(number(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808\n");
    CHECK(number(0.1F) == "0.1\n");
    CHECK(number(-0.0F) == "-0.0\n");  // "-0" would be read as an integer, and lose its sign
    CHECK(number(9.999999747378752e-06F) == "1e-05\n");
    CHECK(number(0.0) == "0\n");
    CHECK(number(100.0) == "100\n");
    CHECK(number(99.5) == "99.5\n");
    CHECK(number(999999.0) == "999999\n");
    CHECK(number(1e6) == "1000000\n");
    CHECK(number(-7.0) == "-7\n");
    CHECK(number(std::nan("")) == "\"NaN\"\n");
    CHECK(number(-std::numeric_limits<float>::infinity()) == "\"-Infinity\"\n");
}

TEST_CASE("reals never look like integers") {
    const auto real = [](auto value) { return written([&](JsonWriter& json) { json.real(value); }); };
    CHECK(real(500000.0F) == "500000.0\n");
    CHECK(real(-0.5) == "-0.5\n");
    CHECK(real(1e-05F) == "1e-05\n");
    CHECK(real(1e+22) == "1e+22\n");
    CHECK(real(std::nan("")) == "\"NaN\"\n");
}

TEST_CASE("what must be escaped is found at every place of a string") {
    const std::string plain = "abcdefgh{ ~!#[]^ijklmnop";
    for (std::size_t at = 0; at < plain.size(); ++at) {
        for (const auto& [odd, escaped] : {std::pair<char, std::string>{'"', "\\\""},
                                           {'\\', "\\\\"},
                                           {'\x1f', "\\u001f"},
                                           {'\x7f', "\\u007f"},
                                           {'\xff', "\uFFFD"}}) {
            const std::string text = plain.substr(0, at) + odd + plain.substr(at);
            std::string quoted;
            append_json_string(quoted, text);
            CHECK(quoted == '"' + plain.substr(0, at) + escaped + plain.substr(at) + '"');
        }
    }
}

TEST_CASE("strings are valid UTF-8 and harmless; other bytes survive as hex") {
    const auto text = [](std::string_view bytes) {
        return written([&](JsonWriter& json) { json.text(bytes); });
    };
    CHECK(text("\"\\\n\x1b\u009b\u202e") == "\"\\\"\\\\\\n\\u001b\\u009b\\u202e\"\n");
    CHECK(text("\u2581caf\u00e9") == "\"\u2581caf\u00e9\"\n");
    CHECK(text("a\xff") == "{\"hex\": \"61ff\"}\n");
}

TEST_CASE("a long string goes to the sink in pieces that end between characters") {
    for (const std::string unit : {"plain ", "\u00E9", "\x1b", "\xff"}) {
        std::string text;
        while (text.size() < 1'000'000) text += unit;
        std::size_t longest = 0;
        std::string all;
        JsonWriter json([&](std::string_view piece) {
            longest = std::max(longest, piece.size());
            CHECK(valid_utf8(piece));
            all += piece;
        });
        json.text(text);
        json.finish();
        CHECK(longest < 256 * 1024);
        std::string wanted;
        if (valid_utf8(text)) {
            append_json_string(wanted, text);
            CHECK(all == wanted + "\n");
        } else {
            CHECK(all.size() == 2 * text.size() + std::string_view("{\"hex\": \"\"}\n").size());
        }
    }
    std::string escaped;
    append_json_string(escaped, "\x01\u202e\x7f");
    CHECK(escaped == "\"\\u0001\\u202e\\u007f\"");
}
