#include "ggufmap/text.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace ggufmap;

TEST_CASE("UTF-8 is recognised as the Unicode standard defines it") {
    CHECK(valid_utf8(""));
    CHECK(valid_utf8("plain"));
    CHECK(valid_utf8("\u2581caf\u00e9 \U0001F600"));
    CHECK_FALSE(valid_utf8("\xC0\x80"));          // overlong NUL
    CHECK_FALSE(valid_utf8("\xED\xA0\x80"));      // surrogate
    CHECK_FALSE(valid_utf8("\xF4\x90\x80\x80"));  // above U+10FFFF
    CHECK_FALSE(valid_utf8("\xE2\x96"));          // cut short
}

TEST_CASE("nothing that steers a terminal survives printable()") {
    CHECK(printable("caf\u00e9 \u2581") == "caf\u00e9 \u2581");
    CHECK(printable("\x1b[31mred") == "\\x1b[31mred");
    CHECK(printable(std::string_view("a\0b", 3)) == "a\\x00b");
    CHECK(printable("a\tb\nc\x7f") == "a\\tb\\nc\\x7f");
    CHECK(printable("\u009b31m") == "\\u009b31m");
    CHECK(printable("\u202egpj") == "\\u202egpj");
    CHECK(printable("\xff\xfe") == "\\xff\\xfe");
}

TEST_CASE("printable() finds every odd byte, wherever it stands among plain ones") {
    for (std::size_t size = 1; size <= 17; ++size) {
        for (std::size_t at = 0; at < size; ++at) {
            for (unsigned odd = 0; odd < 256; ++odd) {
                std::string text(size, 'x');
                text[at] = static_cast<char>(odd);
                const std::string found = printable(text);
                const bool plain = odd >= ' ' && odd <= '~';
                REQUIRE((found == text) == plain);
                REQUIRE(found.substr(0, at) == text.substr(0, at));
                REQUIRE(found.substr(found.size() - (size - at - 1)) == text.substr(at + 1));
            }
        }
    }
}
