// The ids of llama.cpp's own test vectors (NAME.gguf.inp, .out) through Hugging Face's tokenizers.
// Usage: vectors.mjs VOCABULARIES STUBS [FOLDER...]; STUBS/NAME is the folder made of VOCABULARIES/NAME.gguf. All
// clients load each FOLDER, too.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Tokenizer } from "tokenizers";
import { Tokenizer as JsTokenizer } from "@huggingface/tokenizers";

const { Tokenizer: OldTokenizer } = createRequire(import.meta.url)("tokenizers-linux-x64-gnu");
const [vocabularies, stubs, ...folders] = process.argv.slice(2);
const separator = "\n__ggml_vocab_test__\n";

// What the clients themselves do otherwise: the JavaScript twin's Digits does not count "\u00bd" among the
// digits; tokenizers 0.13 does not look for the longest added token (mpt's are runs of blanks) nor
// for those inside words (deepseek-coder's "\u00fc").
const known = {
  tokenizers: () => false,
  "tokenizers 0.13": (name, text) => name === "ggml-vocab-mpt" || (/deepseek-coder/.test(name) && text.includes("\u00fc")),
  "@huggingface/tokenizers": (name, text) => /deepseek-coder|starcoder/.test(name) && text.includes("\u00bd"),
};

/** Functions from text to ids: the Rust library, now and at 0.13, and its pure JavaScript twin. */
function clients(folder) {
  const file = join(folder, "tokenizer.json");
  const rust = Tokenizer.fromFile(file);
  const old = OldTokenizer.fromFile(file);
  const parse = (name) => JSON.parse(readFileSync(join(folder, name), "utf8"));
  const js = new JsTokenizer(parse("tokenizer.json"), parse("tokenizer_config.json"));
  return {
    tokenizers: async (text) => (await rust.encode(text, null, { addSpecialTokens: false })).getIds(),
    "tokenizers 0.13": async (text) => (await old.encode(text, null, { addSpecialTokens: false })).getIds(),
    "@huggingface/tokenizers": async (text) => js.encode(text, { add_special_tokens: false }).ids,
  };
}

let failures = 0;
let checks = 0;
for (const input of readdirSync(vocabularies).filter((file) => file.endsWith(".inp"))) {
  const name = input.replace(".gguf.inp", "");
  const texts = readFileSync(join(vocabularies, input), "utf8").split(separator);
  const wanted = readFileSync(join(vocabularies, `${name}.gguf.out`), "utf8").split("\n");
  if (texts.at(-1) === "") texts.pop();
  for (const [client, encode] of Object.entries(clients(join(stubs, name)))) {
    for (const [i, text] of texts.entries()) {
      if (known[client](name, text)) continue;
      const ids = Array.from(await encode(text)).join(" ");
      checks++;
      if (ids === wanted[i].trim()) continue;
      failures++;
      console.error(`${name}: ${client}: ${JSON.stringify(text)}: ${ids}, wanted ${wanted[i].trim()}`);
    }
  }
}
for (const folder of folders) {
  try {
    for (const encode of Object.values(clients(folder))) await encode("a");
  } catch (error) {
    failures++;
    console.error(`${folder}: ${error.message}`);
  }
}
console.log(`${folders.length} folders load; vectors: ${checks - failures} of ${checks}`);
process.exit(failures === 0 && checks > 0 ? 0 : 1);
