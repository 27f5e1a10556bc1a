// transformers.js loads configuration and tokenizer of each stub, and renders the chat template where there is
// one. Usage: transformers.mjs [--no-text] STUB...; --no-text: the vocabularies are too small for any text.
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { AutoConfig, AutoTokenizer, env } from "@huggingface/transformers";

env.allowRemoteModels = false;
let failures = 0;
let templates = 0;
const folders = process.argv.slice(2).filter((argument) => argument !== "--no-text");
const withText = folders.length === process.argv.length - 2;
for (const folder of folders.map((path) => resolve(path))) {
  env.localModelPath = dirname(folder);
  const name = basename(folder);
  try {
    if (existsSync(join(folder, "config.json"))) {
      const config = await AutoConfig.from_pretrained(name);
      if (!config.model_type) throw new Error("no model_type");
    }
    const tokenizer = await AutoTokenizer.from_pretrained(name);
    const text = "Hello, world 123";
    const ids = tokenizer.encode(text);
    const back = withText ? tokenizer.decode(ids, { skip_special_tokens: true }) : text;
    if (back.trim().toLowerCase().replaceAll(" ", "") !== text.toLowerCase().replaceAll(" ", ""))
      throw new Error(`"${text}" comes back as "${back}"`);
    let rendered = "";
    if (existsSync(join(folder, "chat_template.jinja"))) {
      rendered = tokenizer.apply_chat_template([{ role: "user", content: "Hi" }], { tokenize: false });
      templates++;
      if (!rendered.includes("Hi")) throw new Error(`the chat template rendered "${rendered}"`);
    }
    console.log(`${name}: loaded${rendered ? `, template: ${JSON.stringify(rendered)}` : ""}`);
  } catch (error) {
    failures++;
    console.error(`${name}: ${error.message}`);
  }
}
console.log(`${folders.length} folders, ${templates} chat templates`);
// Among those with text one has a template.
process.exit(failures === 0 && folders.length > 0 && (templates > 0 || !withText) ? 0 : 1);
