// One model as it was named on the command line, opened and checked.
#pragma once

#include <string>
#include <string_view>

#include "common/args.hpp"
#include "common/io.hpp"
#include "common/report.hpp"
#include "ggufmap/check.hpp"

namespace ggufmap::inspect {

struct Subject : Examination {
    /// How much of the model there was to look at.
    enum class Extent {
        header,  ///< what came out of a pipe, or nothing that can be read
        shard,   ///< one of a set, without the others
        model,   ///< all of it
    };

    std::string name;
    bool one_of_many = false;  ///< several models are named on the command line
    bool first = true;

    Extent extent() const;
    /// What the options say of the output, and rows for scripts tell the models apart.
    cli::Style style(const cli::Args& args) const;
    /// Whether its findings mean exit status 1; `strict`: warnings do, too.
    bool fails(bool strict) const { return has_errors() || (strict && !findings.empty()); }
};

/// "header", "shard", "model".
std::string_view name_of(Subject::Extent extent);

/// `name` as examine() takes it, or "-" for standard input: a file that nobody has read from yet is examined
/// as one, of anything else the header is read, no further than its end. Throws Error (usage, io).
Subject open_subject(const std::string& name, Depth depth, cli::Io& io);

/// Errors among the findings, with --strict all of them, a line each, on stderr.
void tell_errors(const Subject& subject, const cli::Args& args, cli::Io& io);

}  // namespace ggufmap::inspect
