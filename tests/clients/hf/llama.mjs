// The ids of our tokenizer.json against llama.cpp's on the GGUF itself (vocabulary only).
// Usage: llama.mjs VOCABULARIES STUBS
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";
import { Tokenizer } from "tokenizers";
import { texts } from "./texts.mjs";

// llama.cpp reads gpt-neox, whose file names no pre-tokenizer, by default rules; its own tokenizer is that of mpt.
const reference = { "ggml-vocab-gpt-neox": "ggml-vocab-mpt" };

// What llama.cpp itself does otherwise than the models' own tokenizers: it does not normalize to NFC (mpt), and
// decomposes letters for bert by a table of its own. Texts that meet these are not compared.
const exempt = {
  "ggml-vocab-mpt": (text) => text !== text.normalize("NFC"),
  "ggml-vocab-gpt-neox": (text) => text !== text.normalize("NFC"),
  "ggml-vocab-bert-bge": (text) => /\p{M}|\p{Script=Hangul}/u.test(text.normalize("NFD")),
};

const [vocabularies, stubs] = process.argv.slice(2);
const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.disabled });
let failures = 0;
for (const file of readdirSync(vocabularies).filter((entry) => entry.endsWith(".gguf"))) {
  const name = file.replace(".gguf", "");
  const model = await llama.loadModel({ modelPath: join(vocabularies, `${reference[name] ?? name}.gguf`), vocabOnly: true });
  const tokenizer = Tokenizer.fromFile(join(stubs, name, "tokenizer.json"));
  const compared = texts().filter((text) => !exempt[name]?.(text));
  if (compared.length < 500) throw new Error(`${name}: only ${compared.length} texts`);
  let different = 0;
  for (const text of compared) {
    const wanted = model.tokenize(text, false).join(" ");
    const got = (await tokenizer.encode(text, null, { addSpecialTokens: false })).getIds().join(" ");
    if (got === wanted) continue;
    if (different++ < 3) console.error(`${name}: ${JSON.stringify(text)}:\n  ${got}, wanted\n  ${wanted}`);
  }
  console.log(`${name}: ${compared.length - different} of ${compared.length}`);
  failures += different;
  await model.dispose();
}
console.log(failures === 0 ? "same ids as llama.cpp" : `${failures} texts differ`);
process.exit(failures === 0 ? 0 : 1);
