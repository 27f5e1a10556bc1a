// The world for unit tests: streams are strings, the terminal and the environment are what the test says.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <map>
#include <string>
#include <string_view>

#include "common/io.hpp"

namespace ggufmap::test {

class FakeIo final : public cli::Io {
public:
    explicit FakeIo(std::string_view input = {})
        : input_(memfd_create("fake stdin", MFD_CLOEXEC)), output_(memfd_create("fake stdout", MFD_CLOEXEC)) {
        if (pwrite(input_, input.data(), input.size(), 0) != static_cast<ssize_t>(input.size())) abort();
    }
    ~FakeIo() override {
        close(input_);
        close(output_);
    }

    // What the test sets.
    bool closed = false;  ///< stdout has no reader
    cli::Terminal terminal_of_out;
    cli::Terminal terminal_of_err;
    std::map<std::string, std::string> environment;
    std::stop_source stop;
    int signal = 0;

    // What the test looks at.
    std::string errors;
    std::string output() const {
        std::string text(static_cast<std::size_t>(lseek(output_, 0, SEEK_END)), '\0');
        if (pread(output_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) abort();
        return text;
    }

    void out(std::string_view text) override {
        if (closed) throw cli::OutputClosed{};
        if (write(output_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) abort();
    }
    void err(std::string_view text) override { errors += text; }
    void flush() override {
        if (closed) throw cli::OutputClosed{};
    }
    int input_fd() override { return input_; }
    int output_fd() override { return output_; }
    cli::Terminal terminal(cli::Stream stream) const override {
        return stream == cli::Stream::err   ? terminal_of_err
               : stream == cli::Stream::out ? terminal_of_out
                                            : cli::Terminal{};
    }
    std::optional<std::string> env(const std::string& name) const override {
        const auto found = environment.find(name);
        if (found == environment.end() || found->second.empty()) return std::nullopt;
        return found->second;
    }
    std::stop_token stop_token() override { return stop.get_token(); }
    int stop_signal() const override { return signal; }

private:
    int input_;
    int output_;
};

}  // namespace ggufmap::test
