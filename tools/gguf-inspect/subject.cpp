#include "gguf-inspect/subject.hpp"

#include "common/models.hpp"
#include "common/tool.hpp"

namespace ggufmap::inspect {
namespace {

Examination examine_pipe(Depth depth, int fd) {
    Examination result;
    try {
        PipeSource source(fd);
        result.model = Model::header_only(parse(source), "-");
        result.findings = check(*result.model, depth);
    } catch (const Error& error) {
        if (!error.blames_model()) throw;
        result.findings.push_back(finding_of(error));
    }
    return result;
}

}  // namespace

cli::Style Subject::style(const cli::Args& args) const {
    cli::Style result = cli::Style::from(args);
    if (one_of_many) result.model = name;
    result.continues = !first;
    return result;
}

Subject open_subject(const std::string& name, Depth depth, cli::Io& io) {
    return {name == "-" ? examine_pipe(depth, io.input_fd()) : examine(name, cli::places_from(io), depth),
            name};
}

void tell_errors(const Subject& subject, const cli::Args& args, cli::Io& io) {
    io.flush();  // keeps stdout and stderr in step where both are one terminal
    for (const Finding& finding : subject.findings)
        if (finding.severity == Severity::error) say(args, io, finding.in_words());
}

}  // namespace ggufmap::inspect
