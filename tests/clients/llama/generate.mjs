// Prints the tokens that llama.cpp generates greedily after a fixed prompt: node generate.mjs MODEL
import {getLlama, LlamaLogLevel} from "node-llama-cpp";

const llama = await getLlama({gpu: false, build: "never", logLevel: LlamaLogLevel.error});
const model = await llama.loadModel({modelPath: process.argv[2]});
// One thread: llama.cpp spins between threads, which takes seconds a token where the cores are busy.
const context = await model.createContext({contextSize: 64, threads: 1});
const tokens = [];
for await (const token of context.getSequence().evaluate([1, 5, 9, 42], {temperature: 0})) {
    tokens.push(token);
    if (tokens.length === 12) break;
}
console.log(tokens.join(" "));
process.exit(0);
