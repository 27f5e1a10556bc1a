#include "detail/journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "detail/lone_run.hpp"
#include "ggufmap/error.hpp"

namespace ggufmap::detail {
namespace {

// Lines hold names, and those may hold anything: "\n" and "\\" for a line feed and a backslash.
std::string escaped(std::string_view line) {
    std::string text;
    for (const char c : line) {
        if (c == '\\' || c == '\n') text += '\\';
        text += c == '\n' ? 'n' : c;
    }
    return text;
}

std::string unescaped(std::string_view text) {
    std::string line;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool escape = text[i] == '\\' && i + 1 < text.size();
        if (escape) ++i;
        line += escape && text[i] == 'n' ? '\n' : text[i];
    }
    return line;
}

Error not_ended(const OutputDirectory& directory, const std::string& name) {
    return Error(ErrorKind::io, {directory.prefix() + name},
                 "an earlier run has not ended: --resume goes on with it", EEXIST);
}

}  // namespace

void Journal::require_none(const OutputDirectory& directory, const std::string& name) {
    if (directory.exists(name)) throw not_ended(directory, name);
}

std::string Journal::hidden_name(const std::string& name) { return fmt::format(".{}.ggufmap-journal", name); }

Journal Journal::create(Directory directory, const std::string& name) {
    Fd fd(::openat(directory->fd(), name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_APPEND | O_CLOEXEC, 0666));
    if (!fd && errno == EEXIST) throw not_ended(*directory, name);
    if (!fd) throw io_error({directory->prefix() + name}, "cannot create", errno);
    require_lone_run(fd.get(), directory->prefix() + name);
    directory->sync();
    return Journal(std::move(directory), name, std::move(fd));
}

std::optional<Journal> Journal::open(Directory directory, const std::string& name) {
    Fd fd(::openat(directory->fd(), name.c_str(), O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW));
    const std::string shown = directory->prefix() + name;
    if (!fd && errno == ENOENT) return std::nullopt;
    if (!fd) throw io_error({shown}, "cannot open", errno);
    require_lone_run(fd.get(), shown);
    const File file = File::open_at(directory->fd(), name, shown);
    std::vector<std::byte> bytes(file.size());
    file.read_exactly(0, bytes);
    Journal journal(std::move(directory), name, std::move(fd));
    std::string_view text = as_text(bytes);
    for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
        journal.lines_.push_back(unescaped(text.substr(0, end)));
        text.remove_prefix(end + 1);
    }
    const std::uint64_t whole = bytes.size() - text.size();
    if (::ftruncate(journal.fd_.get(), static_cast<off_t>(whole)) != 0)
        throw io_error({shown}, "cannot mend", errno);
    return journal;
}

void Journal::require_plan(const std::string& line, std::string_view advice) {
    if (lines_.empty()) append(line);
    if (lines_.front() != line)
        throw Error(ErrorKind::mismatch, {directory_->prefix() + name_},
                    fmt::format("the journal is that of {}", advice));
}

bool Journal::has(const std::string& line) const {
    return std::find(lines_.begin(), lines_.end(), line) != lines_.end();
}

bool Journal::has_beginning(std::string_view beginning) const {
    return std::any_of(lines_.begin(), lines_.end(),
                       [&](const std::string& line) { return line.starts_with(beginning); });
}

bool Journal::has_ending(std::string_view ending) const {
    return std::any_of(lines_.begin(), lines_.end(),
                       [&](const std::string& line) { return line.ends_with(ending); });
}

void Journal::append(const std::string& line) {
    const std::string shown = directory_->prefix() + name_;
    const std::string text = escaped(line) + "\n";
    for (std::string_view left = text; !left.empty();) {
        const ssize_t done = ::write(fd_.get(), left.data(), left.size());
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) throw io_error({shown}, "cannot write", done < 0 ? errno : ENOSPC);
        left.remove_prefix(static_cast<std::size_t>(done));
    }
    if (::fdatasync(fd_.get()) != 0) throw io_error({shown}, "cannot make durable", errno);
    lines_.push_back(line);
}

void Journal::remove() { directory_->remove(name_); }

}  // namespace ggufmap::detail
