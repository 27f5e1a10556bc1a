// A byte-level BPE vocabulary in which every two bytes make a token: what no merge can join lies on two sides of a
// cut, so that ids show where a pre-tokenizer cuts, whatever the text.

/** The characters that stand for bytes in GPT-2's vocabularies. */
function byteCharacters() {
  const printable = (byte) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : next++));
}

/** The bytes of a GGUF with that vocabulary and nothing else, for one pre-tokenizer. */
export function pairsGguf(pre) {
  const bytes = byteCharacters();
  const pairs = bytes.flatMap((a) => bytes.map((b) => [a, b]));
  const parts = [];
  const integer = (value, size) => {
    const buffer = Buffer.alloc(size);
    if (size === 8) buffer.writeBigUInt64LE(BigInt(value));
    else buffer.writeUInt32LE(value);
    parts.push(buffer);
  };
  const string = (text) => {
    const encoded = Buffer.from(text, "utf8");
    integer(encoded.length, 8);
    parts.push(encoded);
  };
  const entries = {
    "general.architecture": "llama",
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": pre,
    "tokenizer.ggml.tokens": [...bytes, ...pairs.map((pair) => pair.join(""))],
    "tokenizer.ggml.merges": pairs.map((pair) => pair.join(" ")),
  };
  const types = { u32: 4, bool: 7, string: 8, array: 9 };
  parts.push(Buffer.from("GGUF"));
  integer(3, 4);
  integer(0, 8);
  integer(Object.keys(entries).length + 1, 8);
  for (const [key, value] of Object.entries(entries)) {
    string(key);
    if (typeof value === "string") {
      integer(types.string, 4);
      string(value);
      continue;
    }
    integer(types.array, 4);
    integer(types.string, 4);
    integer(value.length, 8);
    value.forEach(string);
  }
  // llama.cpp insists on a token to begin with where the pre-tokenizer's name makes it add one.
  string("tokenizer.ggml.add_bos_token");
  integer(types.bool, 4);
  parts.push(Buffer.from([0]));
  return Buffer.concat(parts);
}
