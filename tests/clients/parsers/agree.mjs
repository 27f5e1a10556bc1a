// Holds two parsers against gguf-inspect --json --arrays, on every key and tensor of a model:
// node agree.mjs DOCUMENT, where DOCUMENT is that output for one model; its shards are opened by the paths in it.
import {closeSync, openSync, readFileSync, readSync} from "node:fs";
import {gguf, GGMLQuantizationType} from "@huggingface/gguf";
import {ggufMetadata} from "hyllama";

const [model] = JSON.parse(readFileSync(process.argv[2], "utf8")).files;
let compared = 0;

function same(what, theirs, ours) {
    ++compared;
    if (JSON.stringify(theirs) !== JSON.stringify(ours))
        throw new Error(`${what}: ${JSON.stringify(theirs)?.slice(0, 300)}, gguf-inspect ${JSON.stringify(ours)?.slice(0, 300)}`);
}

// As JSON numbers are: whole ones beyond 2^53 rounded, 32-bit floats by their shortest decimals.
function number(value) {
    if (typeof value === "bigint") return Number(value);
    if (typeof value !== "number") return value;
    return Number.isInteger(value) ? value : Math.fround(value);
}

// Text that is not UTF-8 is hex in our JSON; `latin` parsers give a character a byte.
function plain(value, latin) {
    if (Array.isArray(value)) return value.map(one => plain(one, latin));
    if (typeof value === "string") return latin ? Buffer.from(value, "latin1").toString("utf8") : value;
    return number(value);
}

function ours(value) {
    if (Array.isArray(value)) return value.map(ours);
    if (value !== null && typeof value === "object") return Buffer.from(value.hex, "hex").toString("utf8");
    return number(value);
}

function header(path, bytes) {
    const buffer = new Uint8Array(bytes);
    const fd = openSync(path, "r");
    readSync(fd, buffer, 0, bytes, 0);
    closeSync(fd);
    return buffer.buffer;
}

function check(parser, shard, parsed, latin) {
    const {path, data_offset: dataOffset} = model.shards[shard];
    if (shard === 0) {
        for (const {key, value} of model.kv)
            same(`${parser}: ${path}: ${key}`, plain(parsed.metadata[key], latin), ours(value));
        const extra = Object.keys(parsed.metadata).filter(key => !["version", "tensorCount", "tensor_count", "kv_count"].includes(key));
        same(`${parser}: ${path}: keys`, extra, model.kv.map(({key}) => key));
    } else {
        same(`${parser}: ${path}: split.no`, number(parsed.metadata["split.no"]), shard);
        same(`${parser}: ${path}: split.count`, number(parsed.metadata["split.count"]), model.shards.length);
    }
    const tensors = model.tensors.filter(tensor => tensor.shard === shard + 1);
    same(`${parser}: ${path}: tensors`, parsed.tensorInfos.map(tensor => tensor.name), tensors.map(tensor => tensor.name));
    tensors.forEach((tensor, i) => {
        const theirs = parsed.tensorInfos[i];
        const type = theirs.type ?? theirs.dtype;
        same(`${parser}: ${path}: ${tensor.name}`,
            [GGMLQuantizationType[type], theirs.shape.map(Number), Number(theirs.offset) + dataOffset],
            [tensor.type, tensor.dimensions, tensor.offset]);
    });
}

for (let shard = 0; shard < model.shards.length; ++shard) {
    const {path, header_bytes: bytes} = model.shards[shard];
    check("@huggingface/gguf", shard, await gguf(path, {allowLocalFile: true}), false);
    check("hyllama", shard, ggufMetadata(header(path, bytes)), true);
}
console.log(`${compared} keys and tensors agree`);
