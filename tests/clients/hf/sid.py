"""Inside Debian sid: real transformers, llama.cpp and its converter on what gguf-hfstub made. Called by ./sid.

Usage: sid.py WORK; WORK/original/NAME has config.json, model.safetensors and model.gguf, WORK/stub/NAME our folder.
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


def load(folder, name):
    auto = {"bert": transformers.AutoModel, "t5": transformers.AutoModelForSeq2SeqLM}
    model, info = auto.get(name, transformers.AutoModelForCausalLM).from_pretrained(
        folder, torch_dtype=torch.float32, output_loading_info=True)
    return model.eval(), info


def output(model, name, ids):
    with torch.no_grad():
        if name == "t5":
            return model(input_ids=ids, decoder_input_ids=ids).logits
        result = model(input_ids=ids)
        return result.last_hidden_state if name == "bert" else result.logits


def check_logits(original, stub, name):
    theirs, _ = load(original, name)
    ours, info = load(stub, name)
    missing = [key for key in info["missing_keys"] if "position_ids" not in key]
    if missing or info["unexpected_keys"] or info["mismatched_keys"]:
        raise AssertionError(f"missing {missing}, unexpected {info['unexpected_keys']}, {info['mismatched_keys']}")
    torch.manual_seed(7)
    ids = torch.randint(3, ours.config.vocab_size, (1, PROMPT_TOKENS))
    worst = (output(theirs, name, ids) - output(ours, name, ids)).abs().max().item()
    if worst > LOGITS_TOLERANCE.get(name, 0.0):
        raise AssertionError(f"logits differ by {worst}")
    return ours, f"logits differ by {worst}"


def check_text(model, original, stub):
    """The greedy text of transformers on our folder and of llama.cpp on the GGUF."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(stub)
    prompt = "ab"
    ids = tokenizer(prompt, return_tensors="pt").input_ids
    with torch.no_grad():
        ids = model.generate(ids, max_new_tokens=8, do_sample=False)[0][ids.shape[1]:]
    wanted = subprocess.run(["llama-completion", "-m", original / "model.gguf", "-p", prompt, "-n", "8", "--temp", "0",
                             "--no-display-prompt", "-no-cnv"], capture_output=True, check=True).stdout.decode()
    got = tokenizer.decode(ids, skip_special_tokens=True)
    if got.strip() != wanted.strip():
        raise AssertionError(f"transformers goes on with {got!r}, llama.cpp with {wanted!r}")
    return "same greedy text"


def check_conversion(original, stub, converter):
    again = stub / "again.gguf"
    subprocess.run([sys.executable, converter, "--outtype", "f16", "--outfile", again, stub], check=True,
                   capture_output=True)
    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(again).tensors}
    for wanted in gguf.GGUFReader(original / "model.gguf").tensors:
        got = tensors.pop(wanted.name, None)
        if got is None or got.tensor_type != wanted.tensor_type or got.data.tobytes() != wanted.data.tobytes():
            raise AssertionError(f"tensor {wanted.name} of the second conversion is not that of the first")
    if tensors:
        raise AssertionError(f"the second conversion has {sorted(tensors)} besides")
    return "converted again, to the bit"


def main():
    work = pathlib.Path(sys.argv[1])
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
