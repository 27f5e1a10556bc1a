#include "common/progress.hpp"

#include <doctest/doctest.h>

#include "support/fake_io.hpp"

using namespace ggufmap::cli;
using namespace std::chrono_literals;
using ggufmap::test::FakeIo;

TEST_CASE("progress is drawn at most ten times a second and wiped at the end") {
    FakeIo io;
    io.terminal_of_err = {.present = true, .width = 80};
    Progress::Time now{};
    {
        Progress progress(io, false, "reading", 4U << 20, [&] { return now; });
        progress.add(1U << 20);
        now += 99ms;
        progress.add(0);
        CHECK(io.errors == "");
        now += 901ms;
        progress.add(0);
        CHECK(io.errors == "\r\x1b[Kreading: 1.0 MiB of 4.0 MiB, 1.0 MiB/s, 3 s left");
        progress.add(1);
        io.terminal_of_err.width = 20;
        now += 100ms;
        io.errors.clear();
        progress.add(0);
        CHECK(io.errors == "\r\x1b[K1.0 MiB of 4.0 MiB");
    }
    CHECK(io.errors.ends_with("\r\x1b[K"));
}

TEST_CASE("progress is for terminals, and not for the quiet") {
    Progress::Time now{};
    const auto drawn = [&](FakeIo& io, bool quiet) {
        Progress progress(io, quiet, "reading", 10, [&] { return now += 1s; });
        progress.add(5);
        return !io.errors.empty();
    };
    FakeIo pipe;
    CHECK_FALSE(drawn(pipe, false));
    FakeIo terminal;
    terminal.terminal_of_err = {.present = true, .width = 80};
    CHECK_FALSE(drawn(terminal, true));
    CHECK(drawn(terminal, false));
}
