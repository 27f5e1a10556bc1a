#include "common/progress.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "common/numbers.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds redraw_every{100};
constexpr std::string_view wipe = "\r\x1b[K";

}  // namespace

Progress::Progress(Io& io, bool quiet, std::string what, std::uint64_t total, Clock clock)
    : io_(io),
      shown_(!quiet && io.terminal(Stream::err).present),
      what_(printable(what)),
      total_(total),
      clock_(std::move(clock)),
      begin_(clock_()),
      last_(begin_) {}

Progress::~Progress() {
    if (drawn_) io_.err(wipe);
}

void Progress::add(std::uint64_t bytes) {
    const std::uint64_t done = done_.fetch_add(bytes) + bytes;
    if (!shown_) return;
    const std::unique_lock lock(drawing_, std::try_to_lock);  // somebody else is drawing: no need to wait
    if (!lock) return;
    const Time now = clock_();
    if (now - last_ < redraw_every) return;
    last_ = now;
    draw(now, done);
}

void Progress::draw(Time now, std::uint64_t done) {
    const double elapsed = std::chrono::duration<double>(now - begin_).count();
    const double rate = static_cast<double>(done) / elapsed;
    std::string line = human_size(done);
    const unsigned width = io_.terminal(Stream::err).width;
    const auto append = [&](const std::string& text) {  // what does not fit is left out whole
        if (line.size() + text.size() < width) line += text;
    };
    if (total_ > 0) append(" of " + human_size(total_));
    append(fmt::format(", {}/s", human_size(static_cast<std::uint64_t>(rate))));
    constexpr double longest = 1e7;  // seconds; beyond that the guess is worthless
    if (total_ > done && static_cast<double>(total_ - done) < longest * rate) {
        const auto left = seconds(std::llround(static_cast<double>(total_ - done) / rate));
        append(fmt::format(", {} left", human_duration(left)));
    }
    if (what_.size() + 2 + line.size() < width) line = what_ + ": " + line;
    io_.err(std::string(wipe) + line);
    drawn_ = true;
}

}  // namespace ggufmap::cli
