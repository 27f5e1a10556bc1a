#include "common/standard_options.hpp"

namespace ggufmap::cli::option {

Option model() {
    return positional("MODEL", "GGUF file, any one shard, shm:NAME or ollama:NAME[:TAG]").required();
}
Option models() { return model().repeatable(); }
Option output() { return value("-o,--output", "FILE", "write to FILE, - for standard output").files(); }
Option force() { return flag("-f,--force", "overwrite what is there"); }
Option dry_run() { return flag("-n,--dry-run", "show what would be done, do nothing"); }
Option jobs() { return value("-j,--jobs", "N", "threads at once (default: the cores we may use)"); }
Option verbose() { return flag("-v,--verbose", "say more"); }
Option quiet() { return flag("-q,--quiet", "no progress, no remarks; errors only"); }
Option json() { return flag("--json", "print JSON"); }
Option tsv() { return flag("--tsv", "print tab-separated values with a header line"); }
Option null() { return flag("-0,--null", "like --tsv without header; rows end in NUL, not newline"); }
Option bytes() { return flag("--bytes", "print sizes in bytes, not in KiB, MiB, GiB"); }
Option help() { return flag("-h,--help", "show this help"); }
Option version() { return flag("-V,--version", "show the version"); }

Group output_formats() { return {"Output", {json(), tsv(), null(), bytes()}}; }

Group selection() {
    return {"Selection (bytes that meet every kind of condition given)",
            {
                value("--tensor", "GLOB", "tensors whose name matches; may be repeated").repeatable(),
                value("--layer", "LIST", "layers, e.g. 0-7,31").repeatable(),
                value("--part", "LIST", "parts")
                    .choose_several({"header", "embed", "attn", "ffn", "experts", "norm", "output", "other"})
                    .repeatable(),
                value("--expert", "LIST", "experts of stacked expert tensors, e.g. 0-3").repeatable(),
                value("--ranges", "FILE", "byte ranges, a line 'OFFSET LENGTH' each; - for standard input")
                    .files(),
            }};
}

}  // namespace ggufmap::cli::option
