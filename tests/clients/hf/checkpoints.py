"""Round trip: the original checkpoints, their real conversion to GGUF, and what gguf-hfstub makes of that.

Usage: checkpoints.py ORIGINALS STUBS; STUBS/NAME is made of ORIGINALS/NAME/model.gguf. Every key of the original
config.json must come back with its value, every tensor bit for bit. Two documented exceptions are compared as
values: vectors that the converter widened to F32, and gemma's norms, to which it added 1 in F16.
"""
import json
import pathlib
import struct
import sys

from safetensors_rules import Safetensors, require

# The converter computed f16(w + 1): half a step of F16 between 1 and 2.
GEMMA_ROUNDING = 2.0**-11


def differing_keys(wanted, got):
    """Keys of `wanted` that are missing or different in `got`; nested objects count by their own keys."""
    for key, value in wanted.items():
        if isinstance(value, dict) and isinstance(got.get(key), dict):
            yield from (f"{key}.{inner}" for inner in differing_keys(value, got[key]))
        elif key not in got or got[key] != value or isinstance(value, bool) != isinstance(got[key], bool):
            yield f"{key} ({got.get(key)!r}, wanted {value!r})"


def values(info, data):
    if info["dtype"] == "BF16":
        halves = struct.unpack(f"<{len(data) // 2}H", data)
        return struct.unpack(f"<{len(halves)}f", b"".join(struct.pack("<I", half << 16) for half in halves))
    letter, size = {"F16": ("e", 2), "F32": ("f", 4)}[info["dtype"]]
    return struct.unpack(f"<{len(data) // size}{letter}", data)


class Stub:
    """The weights of a folder, through its index."""

    def __init__(self, folder):
        where = json.loads((folder / "model.safetensors.index.json").read_text())["weight_map"]
        files = {name: Safetensors(folder / name) for name in set(where.values())}
        held = {tensor for file in files.values() for tensor in file.names()}
        require(held == set(where), "the index names other tensors than the files hold")
        self.tensors = {name: files[file].tensors[name] for name, file in where.items()}
        self.read = lambda name: files[where[name]].read(name)


def compare_tensor(name, original, stub, tolerance):
    wanted, got = original.tensors[name], stub.tensors[name]
    require(wanted["shape"] == got["shape"], f"{name}: shape {got['shape']}, wanted {wanted['shape']}")
    if wanted["dtype"] == got["dtype"] and original.read(name) == stub.read(name):
        return "bits"
    require(got["dtype"] == "F32", f"{name}: {got['dtype']}, wanted {wanted['dtype']}, or different bits")
    pairs = zip(values(wanted, original.read(name)), values(got, stub.read(name)))
    worst = max(abs(a - b) for a, b in pairs)
    require(worst <= tolerance, f"{name}: values differ by {worst}")
    return "values"


def compare(original_folder, stub_folder):
    config = json.loads((stub_folder / "config.json").read_text())
    wanted = json.loads((original_folder / "config.json").read_text())
    differing = list(differing_keys(wanted, config))
    require(not differing, f"config.json: {', '.join(differing)}")
    original = Safetensors(original_folder / "model.safetensors")
    stub = Stub(stub_folder)
    require(set(original.names()) == set(stub.tensors),
            f"tensors: {set(original.names()) ^ set(stub.tensors)}")
    counts = {"bits": 0, "values": 0}
    for name in original.names():
        gemma_norm = wanted["model_type"].startswith("gemma") and name.endswith("norm.weight")
        counts[compare_tensor(name, original, stub, GEMMA_ROUNDING if gemma_norm else 0.0)] += 1
    return counts


def main():
    originals, stubs = map(pathlib.Path, sys.argv[1:])
    failures = 0
    folders = sorted(originals.iterdir())
    for folder in folders:
        try:
            counts = compare(folder, stubs / folder.name)
            print(f"{folder.name}: {counts['bits']} tensors equal in bits, {counts['values']} in value")
        except Exception as error:  # pylint: disable=broad-except; every kind is a failure of this checkpoint
            print(f"{folder.name}: {error}", file=sys.stderr)
            failures += 1
    return 1 if failures or not folders else 0


if __name__ == "__main__":
    sys.exit(main())
