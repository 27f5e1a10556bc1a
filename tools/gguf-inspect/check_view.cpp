// --check: a verdict and its reasons.
#include <fmt/format.h>

#include <algorithm>

#include "gguf-inspect/sheet.hpp"
#include "gguf-inspect/views.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::inspect {
namespace {

std::string counted(std::ptrdiff_t count, const char* what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// What alone an OK speaks of; nothing where all of the model was there.
std::string reservation(const Subject& subject) {
    using Extent = Subject::Extent;
    if (!subject.model || subject.extent() == Extent::model) return {};
    const bool header = subject.extent() == Extent::header;
    if (!is_shard_alone(*subject.model)) return " so far: header only";
    const Gguf& head = subject.model->head();
    return fmt::format(" so far: {}shard {} of {} only", header ? "header of " : "",
                       head.unsigned_of("split.no").value_or(0) + 1,
                       head.unsigned_of("split.count").value_or(0));
}

void print_verdict(const Subject& subject, bool fails, cli::Io& io) {
    const auto& findings = subject.findings;
    const auto errors = std::count_if(findings.begin(), findings.end(), [](const Finding& finding) {
        return finding.severity == Severity::error;
    });
    const auto warnings = static_cast<std::ptrdiff_t>(findings.size()) - errors;
    const Paint paint(io.terminal(cli::Stream::out));
    const std::string verdict = fails          ? paint.red("FAILED")
                                : warnings > 0 ? paint.yellow("OK")
                                               : paint.bold("OK");
    std::string counts;
    if (errors > 0) counts += ", " + counted(errors, "error");
    if (warnings > 0) counts += ", " + counted(warnings, "warning");
    io.out(fmt::format("{}: {}{}{}\n", printable(subject.name), verdict, fails ? "" : reservation(subject),
                       counts));
    for (const Finding& finding : findings) {
        const std::string code = fmt::format("{}[{}]", name_of(finding.severity), finding.code);
        io.out(fmt::format("  {}: {}\n",
                           finding.severity == Severity::error ? paint.red(code) : paint.yellow(code),
                           printable(finding.in_words())));
    }
}

}  // namespace

cli::Status show_check(const Subject& subject, const cli::Args& args, cli::Io& io) {
    const bool fails = subject.fails(args.has("--strict"));
    const cli::Status status = fails ? cli::Status::no : cli::Status::ok;
    cli::Style style = cli::Style::from(args);
    style.continues = !subject.first;  // each row has its model's name in a column of every format
    if (style.format == cli::Format::table) {
        if (args.has("--quiet") && subject.findings.empty()) return status;
        print_verdict(subject, fails, io);
        return status;
    }
    cli::Report report(io, style,
                       {{"path", "PATH"},
                        {"severity", "SEVERITY"},
                        {"code", "CODE"},
                        {"file", "FILE"},
                        {"place", "PLACE"},
                        {"offset", "OFFSET"},
                        {"text", "TEXT"}});
    for (const Finding& finding : subject.findings)
        report.row({subject.name, std::string(name_of(finding.severity)), std::string(finding.code),
                    finding.where.file, finding.where.place, cli::or_unknown(finding.where.offset),
                    finding.text});
    report.finish();
    return status;
}

}  // namespace ggufmap::inspect
