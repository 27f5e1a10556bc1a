"""tokenizer.model through the real sentencepiece: ids of llama.cpp's test vectors.

Usage: pieces.py VOCABULARIES STUBS NAME...; skips with status 77 where the module is missing.
"""
import pathlib
import sys

try:
    import sentencepiece
except ImportError:
    print("skipped: no python3-sentencepiece")
    sys.exit(77)

SEPARATOR = "\n__ggml_vocab_test__\n"


def main():
    vocabularies, stubs = map(pathlib.Path, sys.argv[1:3])
    failures = checks = 0
    for name in sys.argv[3:]:
        processor = sentencepiece.SentencePieceProcessor(model_file=str(stubs / name / "tokenizer.model"))
        # newline="": the vectors hold carriage returns.
        with open(vocabularies / f"{name}.gguf.inp", encoding="utf-8", newline="") as file:
            texts = file.read().split(SEPARATOR)
        wanted = (vocabularies / f"{name}.gguf.out").read_text().splitlines()
        for text, ids in zip(texts, wanted):
            checks += 1
            got = " ".join(map(str, processor.encode(text)))
            if got != ids.strip():
                failures += 1
                print(f"{name}: {text!r}: {got}, wanted {ids.strip()}", file=sys.stderr)
    print(f"sentencepiece: {checks - failures} of {checks}")
    return 1 if failures or not checks else 0


if __name__ == "__main__":
    sys.exit(main())
