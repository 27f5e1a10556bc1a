#include "common/options.hpp"

#include <doctest/doctest.h>

#include <sstream>

#include "common/completions.hpp"
#include "common/standard_options.hpp"
#include "ggufmap/error.hpp"

using namespace ggufmap;
using namespace ggufmap::cli;

namespace {

const Tool& sample() {
    static const Tool tool(
        "gguf-x", "[OPTION]... MODEL", "be an example",
        {{"", {option::model()}},
         {"Work", {optional_value("--hash", "ALG", "a digest").choose({"a", "b"}), option::output()}},
         option::selection()});
    return tool;
}

}  // namespace

TEST_CASE("help lists every option of the table and fits 80 columns") {
    const std::string help = help_text(sample());
    CHECK(help.starts_with("Usage: gguf-x [OPTION]... MODEL\nbe an example\n\n  MODEL   "));
    CHECK(help.find("\nWork:\n      --hash[=ALG]        a digest: a, b\n"
                    "  -o, --output FILE       write to FILE") != std::string::npos);
    CHECK(help.find("\nOther:\n  -h, --help              show this help\n") != std::string::npos);
    std::istringstream lines(help);
    for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 80);
}

TEST_CASE("options are found under each spelling") {
    CHECK(sample().find("-o") == sample().find("--output"));
    CHECK(sample().find("--output")->title() == "--output");
    CHECK(sample().find("MODEL")->needed);
    CHECK(sample().find("-x") == nullptr);
}

TEST_CASE("completions name every option; what shells make of them is tested in the shells") {
    for (const char* shell : {"bash", "zsh", "fish"}) {
        const std::string script = completion_script(sample(), shell);
        for (const char* name : {"hash", "output", "tensor", "help"})
            CHECK(script.find(name) != std::string::npos);
    }
    CHECK_THROWS_AS(completion_script(sample(), "csh"), Error);
}
