// How a running keeper tells its state: whoever connects is sent the text and hung up on.
#pragma once

#include <string>
#include <vector>

#include "common/args.hpp"
#include "common/io.hpp"
#include "ggufmap/file.hpp"

namespace ggufmap::prefault_tool {

/// --socket, else gguf-prefault.socket in $XDG_RUNTIME_DIR, else (for root) in /run. Throws Error (usage)
/// where there is none of these.
std::string socket_path(const cli::Args& args, const cli::Io& io);

class StatusSocket {
public:
    /// Listens; only its owner may connect. Replaces the socket of a keeper that has ended; throws Error (io)
    /// where one still runs.
    explicit StatusSocket(std::string path);
    ~StatusSocket();
    StatusSocket(const StatusSocket&) = delete;
    StatusSocket& operator=(const StatusSocket&) = delete;

    /// Readable when somebody has connected.
    int fd() const { return fd_.get(); }
    /// What is sent from now on.
    void publish(std::string text) { text_ = std::move(text); }
    /// Somebody has connected and not been answered.
    bool somebody_waits() const;
    /// Answers whoever waits, and goes on with those whose answer is under way; never blocks.
    void serve();
    /// Those whose answer is under way: serve() goes on where one can be written to.
    std::vector<int> unfinished() const;

private:
    struct Client {
        Fd fd;
        std::string left;
    };
    bool send_some(Client& client) const;

    std::string path_;
    Fd fd_;
    FileIdentity identity_;  // of the path: another keeper may have its own there by the end
    std::string text_;
    std::vector<Client> clients_;
};

/// What the keeper behind `path` says. Throws Error (io) where none runs, or it says nothing for five
/// seconds.
std::string ask_status(const std::string& path);

}  // namespace ggufmap::prefault_tool
