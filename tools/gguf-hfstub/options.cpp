#include "common/standard_options.hpp"
#include "gguf-hfstub/gguf-hfstub.hpp"

namespace ggufmap::cli {

const Tool& hfstub_tool() {
    static const Tool tool(
        "gguf-hfstub", "[OPTION]... -o DIR MODEL",
        "make a Hugging Face folder of a GGUF model, without a second copy of its weights",
        {{"", {option::model()}},
         {"Folder",
          {value("-o,--output", "DIR", "make this folder").directories(), option::force(), option::dry_run(),
           flag("--tokenizer-only", "only what concerns the tokenizer"),
           value("--precision", "TYPE", "torch_dtype in config.json")
               .choose({"auto", "fp16", "bf16", "fp32"})}},
         {"Weights",
          {value("--weights", "HOW", "auto: reflink where it is possible and a loader can use it, else none")
               .choose({"auto", "none", "reflink", "copy", "sparse"}),
           value("--max-file-size", "SIZE", "begin a new file from there on"),
           flag("--raw-blocks", "write quantized blocks, too: as U8, which no loader understands")}},
         {"Messages", {option::json(), option::bytes(), option::quiet()}}});
    return tool;
}

}  // namespace ggufmap::cli
