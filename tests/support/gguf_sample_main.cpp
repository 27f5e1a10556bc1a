// A tool without a task: shows in a real process what the frame promises (streams, tables, signals,
// progress).
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "common/progress.hpp"
#include "common/report.hpp"
#include "common/standard_options.hpp"
#include "common/tool.hpp"
#include "ggufmap/error.hpp"

using namespace ggufmap;
using namespace ggufmap::cli;

namespace {

const Tool& sample_tool() {
    static const Tool tool(
        "gguf-sample", "[OPTION]... [WORD]...", "do what tests of the frame need",
        {{"", {positional("WORD", "cells of the table").repeatable()}},
         {"Deeds",
          {value("--rows", "N", "print the words so often"),
           value("--fail", "KIND", "fail at the end").choose({"model", "io", "crash"}),
           flag("--progress", "show progress for a while"),
           flag("--wait", "wait for a signal, then clean up"),
           optional_value("--digest", "ALG", "do nothing").choose_several({"xxh3", "xxh64"}),
           option::output(), option::quiet()}},
         option::output_formats(),
         option::selection()});
    return tool;
}

void show_progress(const Args& args, Io& io) {
    Progress progress(io, args.has("--quiet"), "sampling", 1000);
    for (int i = 0; i < 30; ++i) {
        progress.add(10);
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

void wait_for_signal(Io& io) {
    const std::stop_token stop = io.stop_token();
    io.out("waiting\n");
    io.flush();
    while (!stop.stop_requested()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    io.out("cleaned up\n");
}

void print_words(const Args& args, Io& io) {
    const Style style = Style::from(args);
    Report report(io, style,
                  {{"row", "ROW", Shows::number}, {"words", "WORDS"}, {"bytes", "BYTES", Shows::size}});
    std::string words;
    for (const std::string& word : args.all("WORD")) words += word;
    const std::uint64_t rows = args.number("--rows").value_or(1);
    for (std::uint64_t row = 0; row < rows; ++row)
        report.row({row, words, std::uint64_t{words.size()} << row % 40});
    report.finish();
}

Status work(const Args& args, Io& io) {
    if (args.has("--progress")) show_progress(args, io);
    if (args.has("--wait")) wait_for_signal(io);
    if (args.has("WORD")) print_words(args, io);
    const auto failure = args.text("--fail");
    if (failure == "model")
        throw Error(ErrorKind::malformed, {.file = "sample.gguf", .offset = 8}, "truncated");
    if (failure == "io") throw io_error({.file = "sample.gguf"}, "open", EACCES);
    if (failure == "crash") std::abort();
    return Status::ok;
}

int sample(std::span<const std::string> arguments, Io& io) {
    return run(sample_tool(), arguments, io, [&](const Args& args) { return work(args, io); });
}

}  // namespace

int main(int argc, char** argv) { return tool_main(argc, argv, sample); }
