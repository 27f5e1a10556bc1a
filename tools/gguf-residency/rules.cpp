#include "gguf-residency/rules.hpp"

#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "ggufmap/error.hpp"

namespace ggufmap::residency {
namespace {

using Options = std::vector<std::string_view>;

void refuse(const cli::Args& args, const Options& views, const Options& options) {
    for (const std::string_view view : views) args.refuse_beside(view, options);
}

void need(const cli::Args& args, const Options& options, std::string_view other) {
    for (const std::string_view option : options) {
        if (args.has(option) && !args.has(other))
            throw Error(ErrorKind::usage, {}, fmt::format("{}: needs {}", option, other));
    }
}

}  // namespace

void refuse_contradictions(const cli::Args& args) {
    const Options selection = {"--tensor", "--layer", "--part", "--expert"};
    const Options rows = {"--tsv", "--null"};
    const Options formats = {"--json", "--tsv", "--null"};
    args.at_most_one_of({"--layers", "--tensors", "--experts", "--pages", "--ranges", "--procs", "--budget",
                         "--why", "--svg"});
    args.at_most_one_of({"--record", "--watch"});
    need(args, {"--clear-refs"}, "--pid");
    need(args, {"--force"}, "--svg");
    need(args, {"--ram", "--zram", "--ctx", "--kv-type"}, "--budget");
    refuse(args, {"--pages", "--procs", "--budget", "--why"}, selection);
    refuse(args, {"--budget"}, rows);              // sums and a verdict, no rows
    refuse(args, {"--svg"}, {"--watch"});          // one picture, not one over the other
    refuse(args, {"--ranges", "--svg"}, formats);  // files of a format of their own
    refuse(args, {"--procs", "--budget", "--why"}, {"--pid"});
    refuse(args, {"--record"},
           {"--layers", "--tensors", "--experts", "--pages", "--procs", "--budget", "--why", "--svg",
            "--require", "--clear-refs", "--quiet", "--method"});
    refuse(args, {"--pid"}, {"--method"});  // page tables are asked, not the page cache
    refuse(args, {"--ranges"}, {"--bytes"});
}

}  // namespace ggufmap::residency
