// What must be right about a process before a tool can work in it.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "common/tool.hpp"

namespace ggufmap::cli {
namespace {

/// A model must never be opened as descriptor 0, 1 or 2: a message would be written into it.
void reopen_closed_streams() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        // open() returns the lowest free number, which is this one. The opposite direction, so that using it
        // fails.
        if (fcntl(fd, F_GETFD) < 0) open("/dev/null", (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_NOCTTY);
    }
}

}  // namespace

int tool_main(int argc, char** argv, Run tool) {
    reopen_closed_streams();
    signal(SIGPIPE, SIG_IGN);  // EPIPE instead
    signal(SIGXFSZ, SIG_IGN);  // EFBIG instead
    const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    const auto io = make_process_io();
    return tool(arguments, *io);
}

}  // namespace ggufmap::cli
