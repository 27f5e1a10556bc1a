#include "gguf-prefault/status_socket.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/files.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap::prefault_tool {
namespace {

constexpr const char* socket_name = "/gguf-prefault.socket";

sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        throw Error(ErrorKind::usage, {path},
                    fmt::format("too long for a socket: {} bytes at most", sizeof address.sun_path - 1));
    std::copy(path.begin(), path.end(), std::begin(address.sun_path));
    return address;
}

// Both calls take a sockaddr, which is what a sockaddr_un begins with.
template <typename Call>
int with_address(Call call, int fd, const sockaddr_un& address) {
    return call(fd, reinterpret_cast<const sockaddr*>(&address), socklen_t{sizeof address});
}

Fd new_socket(int flags) {
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
    if (!fd) throw io_error({}, "cannot make a socket", errno);
    return fd;
}

Fd connect_to(const std::string& path) {
    constexpr timeval patience{5, 0};
    Fd fd = new_socket(0);
    for (const int direction : {SO_RCVTIMEO, SO_SNDTIMEO})  // connect() counts as sending
        ::setsockopt(fd.get(), SOL_SOCKET, direction, &patience, sizeof patience);
    if (with_address(::connect, fd.get(), address_of(path)) == 0) return fd;
    return Fd();
}

}  // namespace

std::string socket_path(const cli::Args& args, const cli::Io& io) {
    if (const auto path = args.text("--socket")) return *path;
    if (const auto folder = io.env("XDG_RUNTIME_DIR")) return *folder + socket_name;
    if (::geteuid() == 0) return std::string("/run") + socket_name;
    throw Error(ErrorKind::usage, {}, "no $XDG_RUNTIME_DIR to put the socket into: give --socket FILE");
}

StatusSocket::StatusSocket(std::string path) : path_(std::move(path)), fd_(new_socket(SOCK_NONBLOCK)) {
    if (connect_to(path_)) throw Error(ErrorKind::io, {path_}, "another keeper runs here", EADDRINUSE);
    struct stat status {};
    if (::lstat(path_.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) ::unlink(path_.c_str());
    const mode_t mask = ::umask(0177);
    const int bound = with_address(::bind, fd_.get(), address_of(path_));
    const int failure = errno;
    ::umask(mask);
    constexpr int waiting = 16;
    if (bound != 0) throw io_error({path_}, "cannot listen", failure);
    if (::listen(fd_.get(), waiting) != 0) throw io_error({path_}, "cannot listen", errno);
    if (::lstat(path_.c_str(), &status) == 0) identity_ = {status.st_dev, status.st_ino};
}

StatusSocket::~StatusSocket() {
    struct stat status {};
    if (::lstat(path_.c_str(), &status) == 0 && identity_.same_file({status.st_dev, status.st_ino}))
        ::unlink(path_.c_str());
}

bool StatusSocket::somebody_waits() const {
    pollfd waiting{fd_.get(), POLLIN, 0};
    return ::poll(&waiting, 1, 0) == 1;
}

// True when that was all, or it has gone.
bool StatusSocket::send_some(Client& client) const {
    while (!client.left.empty()) {
        const ssize_t sent = ::send(client.fd.get(), client.left.data(), client.left.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return errno != EAGAIN;
        client.left.erase(0, static_cast<std::size_t>(sent));
    }
    return true;
}

void StatusSocket::serve() {
    constexpr std::size_t most_clients = 64;  // that do not read what they asked for
    std::erase_if(clients_, [this](Client& client) { return send_some(client); });
    for (;;) {
        Client client{Fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)), text_};
        if (!client.fd) return;
        if (send_some(client)) continue;
        if (clients_.size() == most_clients) clients_.erase(clients_.begin());
        clients_.push_back(std::move(client));
    }
}

std::vector<int> StatusSocket::unfinished() const {
    std::vector<int> result;
    for (const Client& client : clients_) result.push_back(client.fd.get());
    return result;
}

std::string ask_status(const std::string& path) {
    const Fd fd = connect_to(path);
    if (!fd) throw io_error({path}, "no keeper answers", errno);
    try {
        return cli::read_text(fd.get(), path);
    } catch (const Error& error) {
        if (error.error_number() != EAGAIN) throw;
        throw Error(ErrorKind::io, {path}, "the keeper does not answer: is it stopped?", ETIMEDOUT);
    }
}

}  // namespace ggufmap::prefault_tool
