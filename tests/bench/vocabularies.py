"""Vocabularies as large as today's largest, from a seed: GGUF files without tensors.

Usage: vocabularies.py spm|bpe TOKENS FILE. Each token is two earlier ones; about two cuts of it give tokens, as in
gemma's 262,144 (514,847 merges) and llama3's 128,256 (280,147).
"""
import random
import struct
import sys

STRING, INT32, FLOAT32, ARRAY = 8, 5, 6, 9


def string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def array(kind, values):
    pack = {STRING: string, INT32: lambda v: struct.pack("<i", v), FLOAT32: lambda v: struct.pack("<f", v)}[kind]
    return struct.pack("<IQ", kind, len(values)) + b"".join(map(pack, values))


def write(path, entries):
    with open(path, "wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, 0, len(entries)))
        for key, (kind, value) in entries.items():
            file.write(string(key) + struct.pack("<I", kind) + value)
        file.write(bytes(-file.tell() % 32))


def grow(pieces, count, halves):
    """`count` pieces, each new one of two of the first `halves`."""
    dice = random.Random(1)
    known = set(pieces)
    while len(pieces) < count:
        earlier = min(len(pieces), halves)
        piece = pieces[dice.randrange(earlier)] + pieces[dice.randrange(earlier)]
        if len(piece) <= 16 and piece not in known:
            known.add(piece)
            pieces.append(piece)
    return pieces, known


def spm(count):
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    pieces, _ = grow(list("\u2581abcdefghijklmnopqrstuvwxyz\u00e9\u0436\u4e2d"), count - len(special), 2700)
    tokens = special + pieces
    kinds = [2, 3, 3] + [6] * 256 + [1] * len(pieces)
    return {"tokenizer.ggml.model": (STRING, string("llama")),
            "tokenizer.ggml.tokens": (ARRAY, array(STRING, tokens)),
            "tokenizer.ggml.scores": (ARRAY, array(FLOAT32, [-float(i) for i in range(count)])),
            "tokenizer.ggml.token_type": (ARRAY, array(INT32, kinds))}


def bpe(count):
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters = [chr(byte) for byte in printable] + [chr(256 + i) for i in range(256 - len(printable))]
    tokens, known = grow(letters, count, 370)
    merges = [f"{token[:at]} {token[at:]}" for token in tokens for at in range(1, len(token))
              if token[:at] in known and token[at:] in known]
    return {"tokenizer.ggml.model": (STRING, string("gpt2")),
            "tokenizer.ggml.pre": (STRING, string("llama-bpe")),
            "tokenizer.ggml.tokens": (ARRAY, array(STRING, tokens)),
            "tokenizer.ggml.token_type": (ARRAY, array(INT32, [1] * count)),
            "tokenizer.ggml.merges": (ARRAY, array(STRING, merges))}


def main():
    kind, count, path = sys.argv[1:]
    entries = {"general.architecture": (STRING, string("llama"))}
    entries.update({"spm": spm, "bpe": bpe}[kind](int(count)))
    write(path, entries)


if __name__ == "__main__":
    main()
