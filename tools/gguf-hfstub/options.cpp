#include "common/standard_options.hpp"
#include "gguf-hfstub/gguf-hfstub.hpp"

namespace ggufmap::cli {

const Tool& hfstub_tool() {
    static const Tool tool(
        "gguf-hfstub", "[OPTION]... MODEL",
        "make a Hugging Face folder or an Ollama model of a GGUF, without a second copy",
        {{"", {positional("MODEL", "GGUF file, any one shard, shm:NAME or ollama:NAME[:TAG]").required()}},
         {"Folder",
          {value("-o,--output", "DIR", "make this folder").directories(),
           flag("--tokenizer-only", "only what concerns the tokenizer"),
           value("--precision", "TYPE", "torch_dtype in config.json")
               .choose({"auto", "fp16", "bf16", "fp32"})}},
         {"Weights",
          {value("--weights", "HOW", "auto takes reflink where file system and types allow it, else none")
               .choose({"auto", "none", "reflink", "copy", "sparse"}),
           value("--max-file-size", "SIZE", "split the weights into files of at most SIZE"),
           flag("--raw-blocks", "write quantized blocks, too: as U8, which no loader understands")}},
         {"Ollama",
          {value("--ollama", "NAME[:TAG]", "register the model under this name"),
           value("--ollama-dir", "DIR", "Ollama's models folder").directories(),
           value("--link", "HOW", "how blobs get the model's bytes")
               .choose({"auto", "reflink", "hard", "symlink"}),
           value("--mmproj", "FILE", "add a multimodal projector").files(),
           value("--template", "FILE", "add a prompt template in Go's syntax").files(),
           value("--system", "TEXT", "add a system message"),
           flag("--cache-digest", "keep the model's SHA-256 in .MODEL.ggufmap-sha256 for next time"),
           flag("--modelfile", "print a Modelfile"), flag("--launch", "then run 'ollama run NAME'")}},
         {"Run",
          {option::force(), option::dry_run(), option::jobs(), option::json(), option::bytes(),
           option::verbose(), option::quiet()}}});
    return tool;
}

}  // namespace ggufmap::cli
