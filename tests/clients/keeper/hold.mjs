// Loads a model with llama.cpp, says so, and holds it until its standard input ends: node hold.mjs LLAMA MODEL
const [, , where, modelPath] = process.argv;
const {getLlama, LlamaLogLevel} = await import(`${where}/node-llama-cpp/dist/index.js`);
const llama = await getLlama({gpu: false, build: "never", logLevel: LlamaLogLevel.error});
const model = await llama.loadModel({modelPath, useMmap: true});
console.log("loaded");
for await (const _ of process.stdin);
await model.dispose(); // kept until here: what is collected is unmapped
await llama.dispose();
