// Every pre-tokenizer: the ids of our tokenizer.json against llama.cpp's on the same GGUF, on a vocabulary whose ids
// show each cut. Each file loads in tokenizers 0.13 and in the pure JavaScript one.
// Usage: pres.mjs TABLE WORK [NAME...]; TABLE is pretokenizers.json, gguf-hfstub is in PATH.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";
import { Tokenizer as JsTokenizer } from "@huggingface/tokenizers";
import { Tokenizer } from "tokenizers";
import { pairsGguf } from "./pairs.mjs";
import { texts } from "./texts.mjs";

const { Tokenizer: OldTokenizer } = createRequire(import.meta.url)("tokenizers-linux-x64-gnu");
const [table, work, ...wanted] = process.argv.slice(2);
// falcon's digits are looked for among the characters that stand for bytes, where llama.cpp does not: its own
// vocabulary has nothing to join there, and llama.mjs compares that.
const tabled = Object.keys(JSON.parse(readFileSync(table, "utf8"))).filter((name) => name !== "falcon");
const names = wanted.length > 0 ? wanted : [...tabled,
  ...("talkie granite-embed-multi-97m seed-coder minicpm5 exaone-moe bailingmoe bailingmoe2 llada-moe jais-2 kimi-k2 " +
    "youtu tiny_aya cohere2moe superbpe afmoe chameleon").split(" ")];

// What llama.cpp does otherwise than the models' own tokenizers, whose expressions ours are. It knows no case outside
// ASCII and counts combining marks as no part of words; digits and word boundaries are ASCII's for it; it takes runs of
// digits whole for deepseek-llm; it does not normalize.
const caseChange = (text) =>
  /\p{Ll}\p{Lu}/u.test(text.replace(/[A-Za-z]/g, (letter) => letter.toLowerCase())) || /[^\x00-\x7f\P{Lu}]\p{Lu}/u.test(text);
const marks = (text) => /\p{M}/u.test(text);
const marksOrCase = (text) => marks(text) || caseChange(text);
const notNormal = (text) => text !== text.normalize("NFC");
const differences = [
  [/^(gpt-4o|llama4|kanana2|minimax-m2|talkie|tekken)$/, marksOrCase],
  [/^granite-embed-multi-97m$/, caseChange],
  [/^youtu$/, caseChange],
  [/^(tiny_aya|cohere2moe)$/, (text) => caseChange(text) || /\p{Nd}[^\x00-\x7f]/u.test(text)],
  [/^kimi-k2$/, (text) => marks(text) || /\p{Ll}\p{Lu}/u.test(text)],
  [/^superbpe$/, (text) => /[^\x00-\x7f\P{Nd}]/u.test(text)],
  [/^deepseek-llm$/, (text) => /\p{N}\p{N}/u.test(text)],
];
const unknown = new Set();

/** The number of texts that were compared and of those that differ; nothing where llama.cpp has no such name. */
async function compare(name) {
  const gguf = join(work, "pairs.gguf");
  const folder = join(work, "pairs");
  rmSync(folder, { recursive: true, force: true });
  writeFileSync(gguf, pairsGguf(name));
  execFileSync("gguf-hfstub", ["-q", "--tokenizer-only", "-o", folder, gguf]);
  const parse = (file) => JSON.parse(readFileSync(join(folder, file), "utf8"));
  const file = join(folder, "tokenizer.json");
  const tokenizer = Tokenizer.fromFile(file);
  OldTokenizer.fromFile(file).encode("a b");
  new JsTokenizer(parse("tokenizer.json"), parse("tokenizer_config.json")).encode("a b");
  let model;
  try {
    model = await llama.loadModel({ modelPath: gguf, vocabOnly: true });
  } catch {
    return undefined;
  }
  const exempt = differences.find(([pattern]) => pattern.test(name))?.[1] ?? (() => false);
  const compared = texts().filter((text) => !notNormal(text) && !exempt(text));
  let different = 0;
  for (const text of compared) {
    const want = model.tokenize(text, false);
    const got = (await tokenizer.encode(text, null, { addSpecialTokens: false })).getIds();
    if (got.join() === want.join()) continue;
    const cut = (ids) => ids.map((id) => model.detokenize([Number(id)])).join("|");
    if (different++ < 3) console.error(`${name}: ${JSON.stringify(text)}:\n  ${cut(got)}, wanted\n  ${cut(want)}`);
  }
  await model.dispose();
  return { compared: compared.length, different };
}

mkdirSync(work, { recursive: true });
const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.disabled });
let failures = 0;
for (const name of names) {
  const result = await compare(name);
  if (!result) {
    unknown.add(name);
    continue;
  }
  if (result.compared < 500) throw new Error(`${name}: only ${result.compared} texts`);
  console.log(`${name}: ${result.compared - result.different} of ${result.compared}`);
  failures += result.different;
}
console.log(`${names.length - unknown.size} pre-tokenizers: ${failures} texts differ; not in this llama.cpp: ${[...unknown]}`);
process.exit(failures === 0 && unknown.size < 4 ? 0 : 1);
