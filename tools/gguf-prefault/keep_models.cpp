#include "gguf-prefault/keep_models.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <vector>

#include "common/models.hpp"
#include "common/tool.hpp"
#include "gguf-prefault/model_set.hpp"
#include "gguf-prefault/once_file.hpp"
#include "gguf-prefault/signal_queue.hpp"
#include "gguf-prefault/status_socket.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap::prefault_tool {
namespace {

class Service {
public:
    Service(const cli::Args& args, cli::Io& io)
        : args_(args), io_(io), file_(*args.text("--config")), models_(load()) {}

    cli::Status once() {
        Working working(signals_, *models_, nullptr);
        const auto file = once_file(io_);
        ModelSet::Known known = file ? read_known(*file) : ModelSet::Known();
        models_->round_after(known, working);
        // Models of other sets keep what is known of them.
        for (const auto& [path, state] : models_->known()) known.insert_or_assign(path, state);
        if (file) write_known(*file, known);
        const auto style = cli::Style::from(args_);
        if (style.format != cli::Format::table) print(models_->states(), io_, style);  // cron wants silence
        return models_->in_trouble() ? cli::Status::trouble : cli::Status::ok;
    }

    void run() {
        StatusSocket socket(socket_path(args_, io_));
        bool due = true;
        do {
            if (due) round(socket);
            due = wait(socket);
        } while (answer(socket));
    }

private:
    // While bytes come in, who asks is answered, and a signal to end is heard.
    class Working final : public Progress {
    public:
        Working(const SignalQueue& signals, const ModelSet& models, StatusSocket* socket)
            : signals_(signals), models_(models), socket_(socket) {}
        void add(std::uint64_t) override {
            if (socket_ == nullptr || !socket_->somebody_waits()) return;
            socket_->publish(encode(models_.states()));
            socket_->serve();
        }
        bool stop_requested() override { return signals_.end_waits(); }

    private:
        const SignalQueue& signals_;
        const ModelSet& models_;
        StatusSocket* socket_;
    };

    std::unique_ptr<ModelSet> load() {
        return std::make_unique<ModelSet>(read_config(file_), cli::places_from(io_), cache_, processes_,
                                          [this](const std::string& text) {
                                              if (!args_.has("--quiet")) cli::say(args_, io_, text);
                                          });
    }

    // A file that cannot be read leaves the old set in force.
    void reload(StatusSocket& socket) {
        try {
            auto fresh = load();
            const auto known = models_->known();
            models_ = std::move(fresh);  // what the old set had locked is free to be locked again
            Working working(signals_, *models_, &socket);
            models_->resume(known, working);
        } catch (const Error& error) {
            if (error.error_number() == EINTR) return;  // the end: answer() hears of it next
            cli::say(args_, io_, std::string(error.what()) + "; the old set stays in force");
        }
    }

    void round(StatusSocket& socket) {
        Working working(signals_, *models_, &socket);
        try {
            models_->round(working);
        } catch (const Error& error) {
            if (error.error_number() != EINTR) throw;  // told to end: answer() hears of it next
        }
        next_round_ = Clock::now() + models_->interval();
        socket.publish(encode(models_->states()));
    }

    // Until there is something to do; true when that is a round.
    bool wait(const StatusSocket& socket) const {
        if (models_->opened()) return true;
        std::vector<pollfd> watched = {
            {models_->fd(), POLLIN, 0}, {signals_.fd(), POLLIN, 0}, {socket.fd(), POLLIN, 0}};
        for (const int client : socket.unfinished()) watched.push_back({client, POLLOUT, 0});
        using std::chrono::milliseconds;
        const auto left = std::chrono::ceil<milliseconds>(next_round_ - Clock::now());
        ::poll(watched.data(), watched.size(), static_cast<int>(std::max(left, milliseconds(0)).count()));
        return watched[0].revents != 0 || Clock::now() >= next_round_;
    }

    // Whoever started us may have stopped listening; the models are kept all the same.
    void print_states() {
        try {
            print(models_->states(), io_, cli::Style::from(args_));
            io_.flush();
        } catch (const cli::OutputClosed&) {
            cli::say(args_, io_, "cannot print the state: standard output is closed");
        } catch (const Error& error) {
            cli::say(args_, io_, std::string("cannot print the state: ") + error.what());
        }
    }

    // False when it is time to end.
    bool answer(StatusSocket& socket) {
        socket.publish(encode(models_->states()));
        socket.serve();
        while (const auto signal = signals_.next()) {
            if (*signal == SIGINT || *signal == SIGTERM) return false;
            if (*signal == SIGHUP) {
                reload(socket);
                next_round_ = Clock::now();
            }
            if (*signal == SIGUSR1) {
                print_states();
            }
        }
        return true;
    }

    const cli::Args& args_;
    using Clock = std::chrono::steady_clock;

    cli::Io& io_;
    std::string file_;
    SignalQueue signals_;
    KernelPageCache cache_;
    KernelProcessTable processes_;
    std::unique_ptr<ModelSet> models_;
    Clock::time_point next_round_{};
};

}  // namespace

cli::Status keep_models(const cli::Args& args, cli::Io& io) {
    Service service(args, io);
    if (args.has("--once")) return service.once();
    service.run();
    return cli::Status::ok;
}

cli::Status show_status(const cli::Args& args, cli::Io& io) {
    const std::string path = socket_path(args, io);
    print(decode(ask_status(path), path), io, cli::Style::from(args));
    return cli::Status::ok;
}

}  // namespace ggufmap::prefault_tool
