// make-gguf [-o FILE] [DESCRIPTION-FILE]        text to GGUF, see make_gguf.hpp; from stdin by default
// make-gguf --demo SIZE [--seed N] [--experts N] [--vocabulary N] -o FILE
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <span>
#include <string>

#include "support/demo_model.hpp"
#include "support/make_gguf.hpp"

using namespace ggufmap::test;

namespace {

/// "64M" and the like.
std::uint64_t size_of(const std::string& text) {
    std::size_t used = 0;
    const std::uint64_t value = std::stoull(text, &used);
    const std::string unit = text.substr(used);
    return unit == "G" ? value << 30 : unit == "M" ? value << 20 : unit == "K" ? value << 10 : value;
}

std::string read_all(std::istream& in) { return {std::istreambuf_iterator<char>(in), {}}; }

void make(std::span<char*> words) {
    DemoOptions demo;
    bool is_demo = false;
    std::string output = "/dev/stdout";
    std::string input;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string word = words[i];
        if (!word.starts_with('-')) {
            input = word;
            continue;
        }
        if (i + 1 == words.size()) throw DescriptionError(word + " needs a value");
        const std::string value = words[++i];
        if (word == "-o") {
            output = value;
        } else if (word == "--demo") {
            is_demo = true;
            demo.size = size_of(value);
        } else if (word == "--seed") {
            demo.seed = size_of(value);
        } else if (word == "--experts") {
            demo.experts = size_of(value);
        } else if (word == "--vocabulary") {
            demo.vocabulary = size_of(value);
        } else {
            throw DescriptionError("no option " + word);
        }
    }
    if (is_demo) return write_demo_model(demo, output);
    std::ifstream file(input);
    write_image(make_gguf_image(read_all(input.empty() ? std::cin : file)), output);
}

}  // namespace

int main(int argc, char** argv) try {
    make(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "make-gguf: %s\n", error.what());
    return 2;
}
