// One model as it was named on the command line, opened and checked.
#pragma once

#include <string>

#include "common/args.hpp"
#include "common/io.hpp"
#include "common/report.hpp"
#include "ggufmap/check.hpp"

namespace ggufmap::inspect {

struct Subject : Examination {
    std::string name;
    bool one_of_many = false;  ///< several models are named on the command line
    bool first = true;

    /// What the options say of the output, and rows for scripts tell the models apart.
    cli::Style style(const cli::Args& args) const;
    /// Whether its findings mean exit status 1; `strict`: warnings do, too.
    bool fails(bool strict) const { return has_errors() || (strict && !findings.empty()); }
};

/// `name` as examine() takes it, or "-" for a header on standard input, which is read no further than its
/// end. Throws Error (usage, io).
Subject open_subject(const std::string& name, Depth depth, cli::Io& io);

/// Errors among the findings, a line each, on stderr.
void tell_errors(const Subject& subject, const cli::Args& args, cli::Io& io);

}  // namespace ggufmap::inspect
