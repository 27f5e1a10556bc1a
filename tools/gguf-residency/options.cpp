#include <algorithm>

#include "common/standard_options.hpp"
#include "gguf-residency/gguf_residency.hpp"

namespace ggufmap::residency {
namespace {

using cli::flag;
using cli::optional_value;
using cli::value;

// Here --ranges prints; nothing reads them.
cli::Group selection_without_ranges() {
    cli::Group group = cli::option::selection();
    std::erase_if(group.options, [](const cli::Option& option) { return option.title() == "--ranges"; });
    return group;
}

}  // namespace

const cli::Tool& residency_tool() {
    static const cli::Tool tool(
        "gguf-residency", "[OPTION]... MODEL...",
        "show which parts of a model are in memory and who holds them",
        {{"", {cli::option::models()}},
         {"View (default: a heat map of layers and parts)",
          {flag("--layers", "a line a layer"), flag("--tensors", "a line a tensor"),
           flag("--experts", "a line for each expert of each stacked tensor"),
           flag("--pages", "each file as one strip"),
           flag("--ranges", "resident ranges, for gguf-prefault --ranges"),
           flag("--procs", "processes that map the model, and what it costs them"),
           value("--pid", "PID", "not the page cache, but what that process has in its page tables"),
           flag("--clear-refs", "with --pid: start its count of referenced pages again"),
           flag("--why", "what makes it slow here, and the command that changes it"),
           value("--record", "SECONDS", "watch so long; a line a tensor, how often it was touched anew"),
           optional_value("--watch", "SECONDS", "show again and again, with rates (default: every 2)"),
           value("--svg", "FILE", "write the heat map as a picture").files(), cli::option::force()}},
         {"Check",
          {value("--require", "PCT[:SELECTION]", "exit 1 if less is resident, e.g. 95:layer=0-7;part=attn")
               .repeatable(),
           cli::option::quiet()}},
         {"Budget",
          {flag("--budget", "will it fit: memory there is, memory it needs; exit 1 if it would thrash"),
           value("--ram", "SIZE", "as if so much memory were available"),
           value("--zram", "SIZE", "as if there were a zRAM device of this size"),
           value("--ctx", "N", "tokens of context (default: the model's own)"),
           value("--kv-type", "TYPE", "type of the attention cache").choose({"f16", "q8_0", "q4_0"})}},
         selection_without_ranges(),
         {"How to ask",
          {value("--method", "METHOD", "instead of the best way this kernel has")
               .choose({"auto", "cachestat", "mincore"})}},
         cli::option::output_formats()});
    return tool;
}

}  // namespace ggufmap::residency
