// Options that more than one tool has: defined once, so that they mean the same everywhere.
#pragma once

#include "common/options.hpp"

namespace ggufmap::cli::option {

Option model();    ///< MODEL, needed
Option models();   ///< MODEL..., at least one
Option output();   ///< -o, --output FILE
Option force();    ///< -f, --force
Option dry_run();  ///< -n, --dry-run
Option jobs();     ///< -j, --jobs N
Option verbose();  ///< -v, --verbose
Option quiet();    ///< -q, --quiet
Option json();     ///< --json
Option tsv();      ///< --tsv
Option null();     ///< -0, --null
Option bytes();    ///< --bytes
Option help();     ///< -h, --help; in every Tool
Option version();  ///< -V, --version; in every Tool

/// --json --tsv -0 --bytes: what Style::from (report.hpp) reads.
Group output_formats();

/// --tensor --layer --part --expert --ranges: which bytes of a model are meant.
Group selection();

}  // namespace ggufmap::cli::option
