#include "common/signals.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>

using ggufmap::cli::Signals;

namespace {

void wait_for(const std::stop_token& token) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    stopped.wait(lock, token, [] { return false; });
}

/// The wait status of a child that runs `body`.
template <class Body>
int in_child(Body body) {
    const pid_t child = fork();
    if (child == 0) {
        body();
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return status;
}

}  // namespace

TEST_CASE("a signal asks to stop") {
    const int status = in_child([] {
        int received = 0;
        {
            Signals signals;
            kill(getpid(), SIGTERM);
            wait_for(signals.token());
            received = signals.received();
        }
        _exit(received);
    });
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == SIGTERM);
}

TEST_CASE("a second signal kills") {
    const int status = in_child([] {
        Signals signals;
        kill(getpid(), SIGINT);
        wait_for(signals.token());
        kill(getpid(), SIGTERM);
        for (;;) pause();
    });
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGINT);
}

TEST_CASE("what was ignored at start stays ignored") {
    const int status = in_child([] {
        signal(SIGHUP, SIG_IGN);
        Signals signals;
        kill(getpid(), SIGHUP);
        _exit(signals.token().stop_requested() ? 1 : 0);
    });
    CHECK(status == 0);
}
