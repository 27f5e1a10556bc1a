// @huggingface/hub parses the headers of each folder's safetensors, as the Hub itself does.
// Usage: hub.mjs FOLDER...
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseSafetensorsMetadata } from "@huggingface/hub";

/** The Hub's file server, for one folder. */
const serve = (folder) => async (url, init) => {
  const file = join(folder, basename(new URL(url).pathname));
  if (!existsSync(file)) return new Response(null, { status: 404, headers: { "X-Error-Code": "EntryNotFound" } });
  const bytes = readFileSync(file);
  const range = /bytes=(\d+)-(\d+)/.exec(new Headers(init?.headers).get("Range") ?? "");
  if (!range) return new Response(bytes, { headers: { etag: '"1"', "Content-Length": `${bytes.length}` } });
  const [from, to] = [Number(range[1]), Math.min(Number(range[2]), bytes.length - 1)];
  const headers = { etag: '"1"', "Content-Range": `bytes ${from}-${to}/${bytes.length}` };
  return new Response(bytes.subarray(from, to + 1), { status: 206, headers });
};

let failures = 0;
for (const folder of process.argv.slice(2)) {
  try {
    const { weight_map: wanted } = JSON.parse(readFileSync(join(folder, "model.safetensors.index.json"), "utf8"));
    const result = await parseSafetensorsMetadata({ repo: "test/stub", fetch: serve(folder) });
    const headers = result.sharded ? Object.values(result.headers) : [result.header];
    const names = new Set(headers.flatMap((header) => Object.keys(header)).filter((name) => name !== "__metadata__"));
    const missing = Object.keys(wanted).filter((name) => !names.has(name));
    if (missing.length > 0 || names.size === 0) throw new Error(`lacks ${missing}`);
    console.log(`${basename(folder)}: ${names.size} tensors, ${result.sharded ? headers.length : 1} files`);
  } catch (error) {
    failures++;
    console.error(`${folder}: ${error.message}`);
  }
}
process.exit(failures === 0 && process.argv.length > 2 ? 0 : 1);
