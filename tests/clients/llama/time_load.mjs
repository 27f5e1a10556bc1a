// Loads a model and generates one token; prints milliseconds for each: node time_load.mjs MODEL
import {getLlama, LlamaLogLevel} from "node-llama-cpp";

const llama = await getLlama({gpu: false, build: "never", logLevel: LlamaLogLevel.error});
const begin = performance.now();
const model = await llama.loadModel({modelPath: process.argv[2]});
const loaded = performance.now();
const context = await model.createContext({contextSize: 64});
for await (const _ of context.getSequence().evaluate([1, 5, 9, 42], {temperature: 0})) break;
console.log(Math.round(loaded - begin), Math.round(performance.now() - loaded));
process.exit(0);
