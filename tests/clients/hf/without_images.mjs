// Loaded before transformers.js: its image library "sharp" has a binary that we do not install, and no text
// needs it.
import { register } from "node:module";

const hooks = `export const resolve = (specifier, context, next) => specifier === "sharp"
  ? { url: "data:text/javascript,export default {}", shortCircuit: true } : next(specifier, context);`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
