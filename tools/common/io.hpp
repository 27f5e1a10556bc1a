// The world as a tool sees it: three streams, the terminal, the environment and the wish to stop. The real
// one is made by tool_main(); tests hand in tests/support/fake_io.hpp.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace ggufmap::cli {

enum class Stream { in, out, err };

/// What a stream can show; a stream that is no terminal has no width and no height.
struct Terminal {
    bool present = false;
    unsigned width = 0;   ///< columns
    unsigned height = 0;  ///< lines
    bool colour = false;  ///< false for NO_COLOR and TERM=dumb, too
};

/// Nobody reads stdout any more. Not an error: the run ends quietly, as if by SIGPIPE.
struct OutputClosed {};

class Io {
public:
    virtual ~Io() = default;

    /// Appends to stdout; may keep it until flush(). Throws Error (io) or OutputClosed.
    virtual void out(std::string_view text) = 0;
    /// Writes to stderr at once. Failures are ignored: there is nobody left to tell.
    virtual void err(std::string_view text) = 0;
    /// Hands on what out() kept. Throws like out().
    virtual void flush() = 0;

    /// The descriptors themselves, for readers and writers of bytes; output_fd() flushes first.
    virtual int input_fd() = 0;
    virtual int output_fd() = 0;

    virtual Terminal terminal(Stream stream) const = 0;
    /// An environment variable; nothing where it is unset or empty.
    virtual std::optional<std::string> env(const std::string& name) const = 0;

    /// From the first call on, INT, TERM and HUP ask this token to stop instead of killing the process, so
    /// that temporaries can go away. A second signal, or a second without an end, kills after all.
    virtual std::stop_token stop_token() = 0;
    /// The signal that asked to stop; 0 for none.
    virtual int stop_signal() const = 0;
};

/// Streams 0, 1 and 2 of this process.
std::unique_ptr<Io> make_process_io();

}  // namespace ggufmap::cli
