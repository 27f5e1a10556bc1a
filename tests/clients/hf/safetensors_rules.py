"""The rules of a safetensors file, as strict as the crate's own validator, independent of our writer."""
import json
import os
import struct

SIZES = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2, "I16": 2, "I8": 1, "U8": 1}
MOST_HEADER_BYTES = 100_000_000


class Broken(Exception):
    """A rule is broken; the message says which."""


def require(condition, message):
    if not condition:
        raise Broken(message)


def no_duplicates(pairs):
    keys = [key for key, _ in pairs]
    require(len(keys) == len(set(keys)), "a key occurs twice")
    return dict(pairs)


def product(shape):
    result = 1
    for dimension in shape:
        result *= dimension
    return result


class Safetensors:
    """A file whose header has passed; reads tensors on demand."""

    def __init__(self, path):
        self.path = path
        size = os.path.getsize(path)
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            require(length <= MOST_HEADER_BYTES, "the header is too long")
            require(8 + length <= size, "the header ends behind the file")
            raw = file.read(length)
        require(raw.startswith(b"{"), "the header does not start with {")
        require(raw.rstrip(b" ").endswith(b"}"), "the header ends in more than blanks")
        header = json.loads(raw.decode("utf-8"), object_pairs_hook=no_duplicates)
        self.metadata = header.pop("__metadata__", {})
        require(all(isinstance(v, str) for v in self.metadata.values()), "metadata is not all strings")
        self.tensors = header
        self.begin = 8 + length
        end = 0
        for name, info in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
            require(set(info) == {"dtype", "shape", "data_offsets"}, f"{name}: odd members")
            first, last = info["data_offsets"]
            require(first == end, f"{name}: a hole or an overlap before it")
            require(last - first == product(info["shape"]) * SIZES[info["dtype"]], f"{name}: wrong size")
            end = last
        require(self.begin + end == size, "the data does not end with the file")

    def names(self):
        return [name for name in self.tensors if "gguf_gap." not in name]

    def read(self, name):
        first, last = self.tensors[name]["data_offsets"]
        with open(self.path, "rb") as file:
            file.seek(self.begin + first)
            return file.read(last - first)
