// One look of --watch on a terminal: what fits on the screen.
#pragma once

#include <string>
#include <vector>

#include "common/io.hpp"

namespace ggufmap::residency {

/// Stands in for the terminal while a view is printed, and keeps what it prints.
class Screen final : public cli::Io {
public:
    /// `heading`: lines above the view, that are wrapped between words that two blanks part, or else any.
    Screen(cli::Io& io, const std::vector<std::string>& heading);

    /// Clears the terminal and prints the heading and of the view what there is room for; the last line is
    /// the cursor's.
    void print();

    void out(std::string_view text) override { text_ += text; }
    void err(std::string_view text) override { io_.err(text); }
    void flush() override {}
    int input_fd() override { return io_.input_fd(); }
    int output_fd() override { return io_.output_fd(); }
    /// Lower by the lines of the heading, but for one: views leave that free for it.
    cli::Terminal terminal(cli::Stream stream) const override;
    std::optional<std::string> env(const std::string& name) const override { return io_.env(name); }
    std::stop_token stop_token() override { return io_.stop_token(); }
    int stop_signal() const override { return io_.stop_signal(); }

private:
    cli::Io& io_;
    std::vector<std::string> heading_;  // as printed
    std::string text_;
};

}  // namespace ggufmap::residency
