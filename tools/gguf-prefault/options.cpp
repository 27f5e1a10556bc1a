#include "common/standard_options.hpp"
#include "gguf-prefault/gguf_prefault.hpp"

namespace ggufmap::prefault_tool {

using cli::flag;
using cli::optional_value;
using cli::value;

namespace {

// None where a file names the models.
cli::Option models() {
    cli::Option option = cli::option::models();
    option.needed = false;
    return option;
}

}  // namespace

const cli::Tool& option_table() {
    static const cli::Tool tool(
        "gguf-prefault", "[OPTION]... [MODEL...]",
        "bring chosen parts of models into memory, keep them there, let them go",
        {{"", {models()}},
         {"What to do (default: bring in what is missing)",
          {optional_value("--evict", "mapped", "let go of it instead; out of processes, too")
               .choose({"mapped"}),
           flag("--hold", "then keep it mapped until a signal; needs no privilege"),
           flag("--lock", "then lock it in memory until a signal"),
           flag("--lock-onfault", "bring nothing in; lock what others touch, until a signal"),
           cli::option::dry_run()}},
         {"How much",
          {value("--budget", "SIZE", "the parts worth most, up to SIZE, PCT% of memory or auto"),
           value("--verify", "PCT", "exit 1 if less is resident afterwards")}},
         cli::option::selection(),
         {"How",
          {value("--strategy", "WAY", "instead of the best way for this file system")
               .choose({"auto", "sendfile", "populate", "read", "willneed"}),
           value("-j,--jobs", "N", "threads at once (default: 4; 1 on a rotating disk)"),
           value("--chunk", "SIZE", "bytes a step (default: 8M)"),
           value("--rate", "SIZE", "bytes a second at most, e.g. 200M or 200M/s"),
           flag("--idle", "read only while the disk is idle"),
           flag("--huge", "in huge pages, where the file system can"),
           flag("-f,--force", "use --ranges made for another model"), cli::option::quiet()}},
         {"Keeper",
          {value("--config", "FILE", "look after the models that FILE (TOML) names, until a signal").files(),
           flag("--once", "with --config: one round"), flag("--status", "print what a running keeper does"),
           value("--socket", "FILE", "where it is asked, instead of the runtime directory").files()}},
         cli::option::output_formats()});
    return tool;
}

}  // namespace ggufmap::prefault_tool
