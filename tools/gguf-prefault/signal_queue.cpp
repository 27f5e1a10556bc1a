#include "gguf-prefault/signal_queue.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

#include "ggufmap/error.hpp"

namespace ggufmap::prefault_tool {

SignalQueue::SignalQueue() {
    sigset_t wanted;
    sigemptyset(&wanted);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) sigaddset(&wanted, signal);
    ::pthread_sigmask(SIG_BLOCK, &wanted, &previous_);
    fd_ = Fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd_) throw io_error({}, "cannot wait for signals", errno);
}

SignalQueue::~SignalQueue() { ::pthread_sigmask(SIG_SETMASK, &previous_, nullptr); }

std::optional<int> SignalQueue::next() {
    signalfd_siginfo info{};
    if (::read(fd_.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return std::nullopt;
    return static_cast<int>(info.ssi_signo);
}

bool SignalQueue::end_waits() const {
    sigset_t pending;
    return ::sigpending(&pending) == 0 &&
           (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1);
}

}  // namespace ggufmap::prefault_tool
