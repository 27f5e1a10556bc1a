#include "common/signals.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "ggufmap/error.hpp"

namespace ggufmap::cli {
namespace {

constexpr int grace_ms = 1000;  // time to remove temporaries before a tool stuck in a read is killed

bool ignored(int signal) {
    struct sigaction action = {};
    return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

int owned(int fd, const char* what) {
    if (fd < 0) throw io_error({}, what, errno);
    return fd;
}

}  // namespace

Signals::Signals() {
    sigemptyset(&watched_);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        if (!ignored(signal)) sigaddset(&watched_, signal);
    }
    end_fd_ = owned(eventfd(0, EFD_CLOEXEC), "eventfd");
    signal_fd_ = owned(signalfd(-1, &watched_, SFD_CLOEXEC), "signalfd");
    pthread_sigmask(SIG_BLOCK, &watched_, &previous_);
    thread_ = std::thread([this] { watch(); });
}

Signals::~Signals() {
    eventfd_write(end_fd_, 1);
    thread_.join();
    close(signal_fd_);
    close(end_fd_);
    pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
}

int Signals::wait(int timeout_ms) const {
    std::array<pollfd, 2> wanted{pollfd{signal_fd_, POLLIN, 0}, pollfd{end_fd_, POLLIN, 0}};
    int ready = 0;
    do {
        ready = poll(wanted.data(), wanted.size(), timeout_ms);
    } while (ready < 0 && errno == EINTR);
    signalfd_siginfo info = {};
    if (ready <= 0 || (wanted[1].revents & POLLIN) != 0) return 0;
    return read(signal_fd_, &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

void Signals::watch() {
    const int signal = wait(-1);
    if (signal == 0) return;
    received_ = signal;
    stop_.request_stop();
    wait(grace_ms);
    // Another signal, or the grace is over; unless it is the end that came.
    pollfd end{end_fd_, POLLIN, 0};
    if (poll(&end, 1, 0) > 0) return;
    ::signal(signal, SIG_DFL);
    kill(getpid(), signal);
    pthread_sigmask(SIG_UNBLOCK, &watched_,
                    nullptr);  // this thread takes the signal and the process dies of it
}

}  // namespace ggufmap::cli
