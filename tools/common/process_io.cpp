// The real Io: descriptors 0, 1 and 2.
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "common/io.hpp"
#include "common/numbers.hpp"
#include "common/signals.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap::cli {
namespace {

constexpr std::size_t flush_at = 64 * 1024;
constexpr unsigned default_width = 80;
constexpr unsigned default_height = 24;

/// 0, or the errno of the write that failed.
int write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return 0;
}

class ProcessIo final : public Io {
public:
    void out(std::string_view text) override {
        buffer_ += text;
        if (buffer_.size() >= flush_at) flush();
    }

    void err(std::string_view text) override { write_all(STDERR_FILENO, text); }

    void flush() override {
        const int error = write_all(STDOUT_FILENO, buffer_);
        buffer_.clear();
        if (error == EPIPE) throw OutputClosed{};
        if (error != 0) throw io_error({.file = "standard output"}, "write", error);
    }

    int input_fd() override { return STDIN_FILENO; }

    int output_fd() override {
        flush();
        return STDOUT_FILENO;
    }

    Terminal terminal(Stream stream) const override {
        const int fd = static_cast<int>(stream);
        if (isatty(fd) == 0) return {};
        winsize size = {};
        if (ioctl(fd, TIOCGWINSZ, &size) != 0) size = {};
        return {.present = true,
                .width = extent("COLUMNS", size.ws_col, default_width),
                .height = extent("LINES", size.ws_row, default_height),
                .colour = !env("NO_COLOR") && env("TERM") != "dumb"};
    }

    std::optional<std::string> env(const std::string& name) const override {
        const char* const value = std::getenv(name.c_str());
        if (value == nullptr || *value == '\0') return std::nullopt;
        return value;
    }

    std::stop_token stop_token() override {
        if (!signals_) signals_ = std::make_unique<Signals>();
        return signals_->token();
    }

    int stop_signal() const override { return signals_ ? signals_->received() : 0; }

private:
    // The user's word, else the terminal's.
    unsigned extent(const char* variable, unsigned of_terminal, unsigned otherwise) const {
        if (const auto given = parse_number(env(variable).value_or("")); given && *given < 10'000)
            return static_cast<unsigned>(*given);
        return of_terminal > 0 ? of_terminal : otherwise;
    }

    std::string buffer_;
    std::unique_ptr<Signals> signals_;
};

}  // namespace

std::unique_ptr<Io> make_process_io() { return std::make_unique<ProcessIo>(); }

}  // namespace ggufmap::cli
