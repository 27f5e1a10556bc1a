#include "common/tool.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <new>

#include "common/standard_options.hpp"
#include "support/fake_io.hpp"

using namespace ggufmap;
using namespace ggufmap::cli;
using ggufmap::test::FakeIo;

namespace {

const Tool& sample() {
    static const Tool tool("gguf-x", "MODEL...", "be an example", {{"", {option::models()}}});
    return tool;
}

int run_with(FakeIo& io, const std::function<Status(const Args&)>& body,
             const std::vector<std::string>& arguments = {"m"}) {
    return run(sample(), arguments, io, body);
}

}  // namespace

TEST_CASE("errors become one line and a status") {
    FakeIo io;
    const auto thrower = [](const auto& error) { return [error](const Args&) -> Status { throw error; }; };
    CHECK(run_with(io, thrower(Error(ErrorKind::malformed, {.file = "a\x1b[1m", .offset = 16}, "bad"))) == 1);
    CHECK(io.errors == "gguf-x: a\\x1b[1m: offset 0x10: bad\n");
    io.errors.clear();
    CHECK(run_with(io, thrower(io_error({.file = "a"}, "open", ENOENT))) == 2);
    CHECK(io.errors == "gguf-x: a: open: No such file or directory\n");
    io.errors.clear();
    CHECK(run_with(io, thrower(std::bad_alloc())) == 2);
    CHECK(io.errors == "gguf-x: out of memory\n");
    io.errors.clear();
    CHECK(run_with(io, thrower(0), {"--bogus"}) == 2);
    CHECK(io.errors == "gguf-x: unknown option '--bogus'\ntry 'gguf-x --help'\n");
}

TEST_CASE("a closed stdout and a signal end a run quietly") {
    FakeIo io;
    io.closed = true;
    CHECK(run_with(io, [&](const Args&) {
              io.out("x");
              return Status::ok;
          }) == closed_pipe_status);
    FakeIo interrupted;
    interrupted.signal = 15;
    CHECK(run_with(interrupted, [](const Args&) -> Status { throw io_error({}, "read", EINTR); }) ==
          128 + 15);
    CHECK(io.errors + interrupted.errors == "");
}

TEST_CASE("--help, --version and completions come from the table") {
    FakeIo io;
    const auto never = [](const Args&) -> Status { throw Error(ErrorKind::io, {}, "ran"); };
    CHECK(run_with(io, never, {"--help"}) == 0);
    CHECK(io.output() == help_text(sample()));
    FakeIo version;
    CHECK(run_with(version, never, {"-V"}) == 0);
    CHECK(version.output().starts_with("gguf-x "));
    FakeIo completions;
    CHECK(run_with(completions, never, {"--generate-completion=fish"}) == 0);
    CHECK(completions.output().starts_with("# fish"));
}

TEST_CASE("one bad input does not stop the rest, and the worst status is kept") {
    FakeIo io;
    std::string seen;
    const auto body = [&](const Args& args) {
        return for_each_input(args, io, "MODEL", [&](const std::string& model) {
            seen += model;
            if (model == "1") throw Error(ErrorKind::malformed, {.file = model}, "bad");
            if (model == "2") throw io_error({.file = model}, "open", EACCES);
            return Status::ok;
        });
    };
    CHECK(run_with(io, body, {"0", "1", "0"}) == 1);
    CHECK(run_with(io, body, {"2", "1", "0"}) == 2);
    CHECK(seen == "010210");
    CHECK(io.errors == "gguf-x: 1: bad\ngguf-x: 2: open: Permission denied\ngguf-x: 1: bad\n");
}
