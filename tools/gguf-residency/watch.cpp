#include "gguf-residency/watch.hpp"

#include <fmt/format.h>

#include "common/tool.hpp"
#include "gguf-residency/pause.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap::residency {
cli::Status watch(const View& view, Models models, std::chrono::milliseconds interval, int pid,
                  const std::function<cli::Status()>& show) {
    constexpr std::string_view home_and_clear = "\x1b[H\x1b[J";
    const bool people = view.style.format == cli::Format::table;
    const bool redraw = people && view.io.terminal(cli::Stream::out).present;
    const std::stop_token stop = view.io.stop_token();
    Moment before = look(view, models);
    auto time = std::chrono::steady_clock::now();
    if (redraw) view.io.out(home_and_clear);
    cli::Status status = show();
    view.io.flush();
    while (pause(stop, interval)) {
        Moment after = look(view, models);
        const auto now = std::chrono::steady_clock::now();
        if (people) {  // a stream of documents or rows stays one
            view.io.out(redraw ? home_and_clear : "\n");
            view.io.out(text_of(rates_between(before, after, now - time)) + "\n");
        }
        try {
            status = show();
        } catch (const Error& error) {
            if (pid == 0 || error.kind() != ErrorKind::usage) throw;  // it was there when it was asked for
            cli::say(view.args, view.io, fmt::format("process {} has ended, or maps the model no more", pid));
            return status;
        }
        view.io.flush();
        before = std::move(after);
        time = now;
    }
    return status;
}

}  // namespace ggufmap::residency
