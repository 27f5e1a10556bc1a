// The edge of a tool: where Errors become messages and exit statuses.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "common/args.hpp"
#include "common/io.hpp"
#include "common/status.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap::cli {

/// Exit status when the reader of our stdout has gone: that of a program killed by SIGPIPE, and as quiet. Not
/// 0: `gguf-shard --tar m.gguf | ssh box ...` must not look done when ssh has died.
constexpr int closed_pipe_status = 128 + 13;

/// Parses `arguments`, answers --help, --version and --generate-completion=SHELL, otherwise calls `body`;
/// then flushes stdout. Returns the exit status: that of `body`, 1 or 2 after an Error (told on stderr in one
/// line), closed_pipe_status, or 128 + N after signal N asked to stop. Never throws.
int run(const Tool& tool, std::span<const std::string> arguments, Io& io,
        const std::function<Status(const Args&)>& body);

/// "NAME: TEXT" and a newline on stderr; `text` may hold names from files.
void say(const Args& args, Io& io, std::string_view text);

/// Calls `work` with each value of the positional `name`. After an Error it is told and the next one is
/// tried; 2 beats 1 beats 0. Ends early when asked to stop or when stdout is closed.
Status for_each_input(const Args& args, Io& io, std::string_view name,
                      const std::function<Status(const std::string&)>& work);

/// A tool: its arguments (without its name) to its exit status.
using Run = int (*)(std::span<const std::string>, Io&);

/// All of main(): makes streams and signals fit for work, then calls `tool`.
int tool_main(int argc, char** argv, Run tool);

}  // namespace ggufmap::cli
