// A library run on the terminal: its bytes move the progress line, a signal stops it.
#pragma once

#include "common/progress.hpp"
#include "ggufmap/copy.hpp"

namespace ggufmap::cli {

class Transfer final : public ggufmap::Progress {
public:
    Transfer(Io& io, bool quiet, std::string what, std::uint64_t total)
        : line_(io, quiet, std::move(what), total), stop_(io.stop_token()) {}

    void add(std::uint64_t bytes) override { line_.add(bytes); }
    bool stop_requested() override { return stop_.stop_requested(); }

private:
    cli::Progress line_;
    std::stop_token stop_;
};

/// Descriptors up to the hard limit: a set of shards is open all at once, and the soft limit of 1024 is for
/// programs that use select(2).
void allow_many_open_files();

}  // namespace ggufmap::cli
