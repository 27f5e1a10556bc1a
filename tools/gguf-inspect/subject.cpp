#include "gguf-inspect/subject.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/models.hpp"
#include "common/tool.hpp"

namespace ggufmap::inspect {
namespace {

// "gguf-inspect - <FILE" can see all of the file; behind a reader that took a part of it, it is a stream.
bool is_whole_file(int fd) {
    struct stat status {};
    return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && ::lseek(fd, 0, SEEK_CUR) == 0;
}

Model model_on(int fd) {
    if (!is_whole_file(fd)) {
        PipeSource source(fd);
        return Model::header_only(parse(source), "-");
    }
    Fd own(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!own) throw io_error({"-"}, "cannot open", errno);
    return Model::from(File::adopt(std::move(own), "-"));
}

Examination examine_standard_input(Depth depth, int fd) {
    Examination result;
    try {
        result.model = model_on(fd);
        result.findings = check(*result.model, depth);
    } catch (const Error& error) {
        if (!error.blames_model()) throw;
        result.findings.push_back(finding_of(error));
    }
    return result;
}

}  // namespace

Subject::Extent Subject::extent() const {
    if (!model || !model->has_files()) return Extent::header;
    return is_shard_alone(*model) ? Extent::shard : Extent::model;
}

cli::Style Subject::style(const cli::Args& args) const {
    cli::Style result = cli::Style::from(args);
    if (one_of_many) result.model = name;
    result.continues = !first;
    return result;
}

Subject open_subject(const std::string& name, Depth depth, cli::Io& io) {
    return {name == "-" ? examine_standard_input(depth, io.input_fd())
                        : examine(name, cli::places_from(io), depth),
            name};
}

std::string_view name_of(Subject::Extent extent) {
    constexpr std::string_view names[] = {"header", "shard", "model"};
    return names[static_cast<std::size_t>(extent)];
}

void tell_errors(const Subject& subject, const cli::Args& args, cli::Io& io) {
    io.flush();  // keeps stdout and stderr in step where both are one terminal
    const bool all = args.has("--strict");
    for (const Finding& finding : subject.findings)
        if (all || finding.severity == Severity::error) say(args, io, finding.in_words());
}

}  // namespace ggufmap::inspect
