#include "common/tool.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <new>

#include "common/completions.hpp"
#include "common/version.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::cli {
namespace {

constexpr std::string_view completion_option = "--generate-completion=";

void tell(const Tool& tool, Io& io, std::string_view text) {
    io.err(tool.name() + ": " + printable(text) + "\n");
}

Status tell(const Tool& tool, Io& io, const Error& error) {
    tell(tool, io, error.what());
    if (error.kind() == ErrorKind::usage) io.err(fmt::format("try '{} --help'\n", tool.name()));
    return error.blames_model() ? Status::no : Status::trouble;
}

Status answer(const Tool& tool, std::span<const std::string> arguments, Io& io,
              const std::function<Status(const Args&)>& body) {
    if (arguments.size() == 1 && arguments[0].starts_with(completion_option)) {
        io.out(completion_script(tool, arguments[0].substr(completion_option.size())));
        return Status::ok;
    }
    const Args args(tool, arguments);
    if (args.has("--help")) {
        io.out(help_text(tool));
    } else if (args.has("--version")) {
        io.out(fmt::format("{} {}\n", tool.name(), version));
    } else {
        return body(args);
    }
    return Status::ok;
}

/// What is to be told about the exception in flight is told here.
int status_of(const Tool& tool, Io& io) try { throw; } catch (const OutputClosed&) {
    return closed_pipe_status;
} catch (const Error& error) {
    if (error.error_number() == EPIPE) return closed_pipe_status;
    return static_cast<int>(tell(tool, io, error));
} catch (const std::bad_alloc&) {
    tell(tool, io, "out of memory");
    return static_cast<int>(Status::trouble);
} catch (const std::exception& error) {
    tell(tool, io, fmt::format("internal error: {}", error.what()));
    return static_cast<int>(Status::trouble);
}

}  // namespace

int run(const Tool& tool, std::span<const std::string> arguments, Io& io,
        const std::function<Status(const Args&)>& body) {
    int status = 0;
    try {
        status = static_cast<int>(answer(tool, arguments, io, body));
        io.flush();
    } catch (...) {
        if (const int signal = io.stop_signal(); signal != 0) return 128 + signal;
        status = status_of(tool, io);
        try {
            io.flush();  // what was found out before the Error is still worth reading
        } catch (...) {
            return status;
        }
    }
    const int signal = io.stop_signal();
    return signal != 0 ? 128 + signal : status;
}

void say(const Args& args, Io& io, std::string_view text) { tell(args.tool(), io, text); }

Status for_each_input(const Args& args, Io& io, std::string_view name,
                      const std::function<Status(const std::string&)>& work) {
    Status status = Status::ok;
    for (const std::string& input : args.all(name)) {
        if (io.stop_signal() != 0) break;
        try {
            status = worst(status, work(input));
        } catch (const Error& error) {
            if (error.error_number() == EPIPE || io.stop_signal() != 0) throw;
            io.flush();  // keeps stdout and stderr in step where both are one terminal
            status = worst(status, tell(args.tool(), io, error));
        }
    }
    return status;
}

}  // namespace ggufmap::cli
