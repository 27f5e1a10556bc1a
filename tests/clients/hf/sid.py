"""Inside Debian sid: real transformers, llama.cpp and its converter on what gguf-hfstub made. Called by ./sid.

Usage: sid.py prepare|check WORK; WORK/original/NAME has config.json, model.safetensors and model.gguf, which
`prepare` gives words that a text can be made of, and WORK/stub/NAME our folder.
"""
import pathlib
import subprocess
import sys

import gguf
import torch
import transformers

# The converter computed f16(w + 1) for gemma's norms.
LOGITS_TOLERANCE = {"gemma": 0.02, "gemma2": 0.02}
PROMPT_TOKENS = 12
# What the original's configuration leaves out and transformers then takes from elsewhere: beyond the 64 embeddings.
COMPLETED = {"phi3": {"pad_token_id": 0}}
BOS, EOS = 1, 2

# The converter, less the vocabulary: it refuses one that it does not know by its digest.
CONVERT = """
import runpy, sys
sys.path.insert(1, "/usr/share/llama.cpp/llama.cpp-tools")
import conversion
find = conversion.get_model_class
def without_vocabulary(*arguments, **named):
    found = find(*arguments, **named)
    found.set_vocab = lambda self: None
    return found
conversion.get_model_class = without_vocabulary
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def prepare(model):
    """Every token but two becomes a word of its own, which both tokenizers find in a text."""
    types = gguf.GGUFReader(model, "r+").fields["tokenizer.ggml.token_type"]
    for token, part in enumerate(types.data):
        types.parts[part][:] = gguf.TokenType.CONTROL if token in (BOS, EOS) else gguf.TokenType.USER_DEFINED


def load(folder, name):
    auto = {"bert": transformers.AutoModel, "t5": transformers.AutoModelForSeq2SeqLM}
    model, info = auto.get(name, transformers.AutoModelForCausalLM).from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True, **COMPLETED.get(name, {}))
    return model.eval(), info


def output(model, name, ids):
    with torch.no_grad():
        if name == "t5":
            return model(input_ids=ids, decoder_input_ids=ids).logits
        result = model(input_ids=ids)
        return result.last_hidden_state if name == "bert" else result.logits


def check_logits(original, stub, name):
    theirs, wanted = load(original, name)
    ours, info = load(stub, name)
    missing = set(info["missing_keys"]) - set(wanted["missing_keys"])
    if missing or info["unexpected_keys"] or info["mismatched_keys"]:
        raise AssertionError(f"missing {missing}, unexpected {info['unexpected_keys']}, {info['mismatched_keys']}")
    torch.manual_seed(7)
    ids = torch.randint(3, ours.config.vocab_size, (1, PROMPT_TOKENS))
    worst = (output(theirs, name, ids) - output(ours, name, ids)).abs().max().item()
    if worst > LOGITS_TOLERANCE.get(name, 0.0):
        raise AssertionError(f"logits differ by {worst}")
    return ours, f"logits differ by {worst}"


def text_of_llama(model, prompt):
    """What llama.cpp goes on with; None where it does not load the model."""
    text = ""
    for _ in range(40):  # now and then it ends before it has written all of its text
        done = subprocess.run(["llama-completion", "-m", model, "-p", prompt, "-n", "8", "--temp", "0",
                               "--no-display-prompt", "-no-cnv"], capture_output=True, check=False)
        if done.returncode != 0:
            return None
        text = max(text, done.stdout.decode().replace("[end of text]", "").strip(), key=len)
    return text


def check_text(model, original, stub):
    """The greedy text of transformers on our folder and of llama.cpp on the GGUF."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(stub)
    prompt = "a7a13a42"
    ids = tokenizer(prompt, return_tensors="pt").input_ids
    if ids.tolist()[0][-3:] != [7, 13, 42]:
        raise AssertionError(f"{prompt} is {ids.tolist()}")
    with torch.no_grad():
        ids = model.generate(ids, max_new_tokens=8, do_sample=False)[0][ids.shape[1]:]
    wanted = text_of_llama(original / "model.gguf", prompt)
    if wanted is None:
        return "no text: llama.cpp does not load this vocabulary"
    got = tokenizer.decode(ids, skip_special_tokens=True).strip()
    if got != wanted:
        raise AssertionError(f"transformers goes on with {got!r}, llama.cpp with {wanted!r}")
    return f"both go on with {got!r}"


def convert(folder, converter):
    """The tensors of its conversion, by name; why there is none."""
    result = folder / "converted.gguf"
    done = subprocess.run([sys.executable, "-c", CONVERT, converter, "--outtype", "f16", "--outfile", result, folder],
                          capture_output=True, check=False)
    if done.returncode != 0:
        return None, done.stderr.decode().strip().rsplit("\n", 1)[-1]
    return {tensor.name: (tensor.tensor_type, tensor.data.tobytes())
            for tensor in gguf.GGUFReader(result).tensors}, ""


def check_conversion(original, stub, converter):
    (wanted, refusal), (got, reason) = convert(original, converter), convert(stub, converter)
    if wanted is None:
        return f"not converted: the converter does not take the original either ({refusal})"
    if got is None:
        raise AssertionError(f"the converter: {reason}")
    different = sorted(name for name in wanted | got if wanted.get(name) != got.get(name))
    if different:
        raise AssertionError(f"converted from our folder, these tensors differ: {different}")
    return f"{len(got)} tensors converted again, to the bit"


def main():
    work = pathlib.Path(sys.argv[2])
    if sys.argv[1] == "prepare":
        for model in sorted(work.glob("original/*/model.gguf")):
            prepare(model)
        return 0
    converter = work / "convert_hf_to_gguf.py"
    failures = 0
    for original in sorted((work / "original").iterdir()):
        name, stub = original.name, work / "stub" / original.name
        results = []
        try:
            model, result = check_logits(original, stub, name)
            results.append(result)
            if name not in ("bert", "t5"):
                results.append(check_text(model, original, stub))
            if converter.exists():
                results.append(check_conversion(original, stub, converter))
            print(f"{name}: {'; '.join(results)}")
        except Exception as error:  # pylint: disable=broad-except; every kind is a failure of this checkpoint
            failures += 1
            print(f"FAILED: {name}: {error}")
    if not converter.exists():
        print("skipped: convert_hf_to_gguf.py (CONVERTER=FILE)")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
