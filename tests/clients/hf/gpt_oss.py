"""A small gpt-oss as its makers publish it, converted to GGUF by the converter's rules, and back by gguf-hfstub.

Usage: gpt_oss.py WORK, with gguf-hfstub in PATH. Once with experts in MXFP4, once unpacked to BF16: every tensor must
come back bit for bit, every key of config.json with its value.
"""
import json
import pathlib
import random
import struct
import subprocess
import sys

from checkpoints import Stub, differing_keys
from safetensors_rules import require

HIDDEN, INNER, EXPERTS, LAYERS, HEADS, ROWS = 64, 96, 4, 2, 2, 50
TYPES = {"F32": 0, "MXFP4": 39, "BF16": 30}

CONFIG = {
    "architectures": ["GptOssForCausalLM"], "model_type": "gpt_oss", "hidden_size": HIDDEN,
    "intermediate_size": INNER, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": 1,
    "head_dim": 32, "num_local_experts": EXPERTS, "num_experts_per_tok": 2, "experts_per_token": 2,
    "sliding_window": 128, "layer_types": ["sliding_attention", "full_attention"], "rms_norm_eps": 1e-05,
    "rope_theta": 150000, "max_position_embeddings": 131072, "initial_context_length": 4096, "vocab_size": ROWS,
    "attention_bias": True, "tie_word_embeddings": False, "swiglu_limit": 7.0, "hidden_act": "silu",
    "rope_scaling": {"rope_type": "yarn", "factor": 32.0, "original_max_position_embeddings": 4096,
                     "beta_fast": 32.0, "beta_slow": 1.0, "truncate": False},
}
QUANTIZATION = {"quant_method": "mxfp4",
                "modules_to_not_convert": ["model.layers.*.self_attn", "model.layers.*.mlp.router",
                                           "model.embed_tokens", "lm_head"]}

dice = random.Random(20)


def count(shape):
    product = 1
    for dimension in shape:
        product *= dimension
    return product


def interleaved(data, unit, member):
    """Every second unit of bytes."""
    return b"".join(data[at:at + unit] for at in range(member * unit, len(data), 2 * unit))


def transposed(data, slices, rows, columns):
    size = len(data) // (slices * rows * columns)
    return b"".join(data[((s * rows + r) * columns + c) * size:][:size]
                    for s in range(slices) for c in range(columns) for r in range(rows))


def ggml_block(scale, nibbles):
    """Of HF's bytes, two neighbours in each, to ggml's: number i beside number i + 16."""
    numbers = [nibble for byte in nibbles for nibble in (byte & 15, byte >> 4)]
    return bytes([scale]) + bytes(numbers[i] | numbers[i + 16] << 4 for i in range(16))


def mxfp4(blocks, scales):
    return b"".join(ggml_block(scale, blocks[16 * i:16 * i + 16]) for i, scale in enumerate(scales))


class Conversion:
    """The checkpoint's tensors, and what the converter makes of them."""

    def __init__(self, unpacked):
        self.original, self.gguf = {}, {}
        self.add("model.embed_tokens.weight", [ROWS, HIDDEN], "token_embd.weight")
        self.add("lm_head.weight", [ROWS, HIDDEN], "output.weight")
        self.add("model.norm.weight", [HIDDEN], "output_norm.weight", "F32")
        for layer in range(LAYERS):
            self.add_layer(f"model.layers.{layer}.", f"blk.{layer}.", unpacked)

    def random(self, name, shape, dtype):
        size = {"F32": 4, "BF16": 2, "U8": 1}[dtype]
        self.original[name] = dtype, shape, dice.randbytes(count(shape) * size)
        return self.original[name][2]

    def add(self, name, shape, gguf, dtype="BF16"):
        self.gguf[gguf] = dtype, shape, self.random(name, shape, dtype)

    def add_layer(self, hf, gguf, unpacked):
        for name, other in {"input_layernorm": "attn_norm", "post_attention_layernorm": "post_attention_norm"}.items():
            self.add(f"{hf}{name}.weight", [HIDDEN], f"{gguf}{other}.weight", "F32")
        for letter, rows in {"q": 64, "k": 32, "v": 32}.items():
            self.add(f"{hf}self_attn.{letter}_proj.weight", [rows, HIDDEN], f"{gguf}attn_{letter}.weight")
            self.add(f"{hf}self_attn.{letter}_proj.bias", [rows], f"{gguf}attn_{letter}.bias", "F32")
        self.add(f"{hf}self_attn.o_proj.weight", [HIDDEN, 64], f"{gguf}attn_output.weight")
        self.add(f"{hf}self_attn.o_proj.bias", [HIDDEN], f"{gguf}attn_output.bias", "F32")
        self.add(f"{hf}self_attn.sinks", [HEADS], f"{gguf}attn_sinks.weight", "F32")
        self.add(f"{hf}mlp.router.weight", [EXPERTS, HIDDEN], f"{gguf}ffn_gate_inp.weight", "F32")
        self.add(f"{hf}mlp.router.bias", [EXPERTS], f"{gguf}ffn_gate_inp.bias", "F32")
        bias = self.random(f"{hf}mlp.experts.gate_up_proj_bias", [EXPERTS, 2 * INNER], "F32")
        for member, name in enumerate(("gate", "up")):
            self.gguf[f"{gguf}ffn_{name}_exps.bias"] = "F32", [EXPERTS, INNER], interleaved(bias, 4, member)
        self.add(f"{hf}mlp.experts.down_proj_bias", [EXPERTS, HIDDEN], f"{gguf}ffn_down_exps.bias", "F32")
        (self.add_unpacked if unpacked else self.add_blocks)(f"{hf}mlp.experts.", gguf)

    def add_blocks(self, hf, gguf):
        def packed(name, rows, columns):
            blocks = self.random(f"{hf}{name}_blocks", [EXPERTS, rows, columns // 32, 16], "U8")
            scales = self.random(f"{hf}{name}_scales", [EXPERTS, rows, columns // 32], "U8")
            return mxfp4(blocks, scales)

        both = packed("gate_up_proj", 2 * INNER, HIDDEN)
        for member, name in enumerate(("gate", "up")):
            rows = interleaved(both, HIDDEN // 32 * 17, member)
            self.gguf[f"{gguf}ffn_{name}_exps.weight"] = "MXFP4", [EXPERTS, INNER, HIDDEN], rows
        self.gguf[f"{gguf}ffn_down_exps.weight"] = "MXFP4", [EXPERTS, HIDDEN, INNER], packed("down_proj", HIDDEN, INNER)

    def add_unpacked(self, hf, gguf):
        both = transposed(self.random(f"{hf}gate_up_proj", [EXPERTS, HIDDEN, 2 * INNER], "BF16"), EXPERTS, HIDDEN, 2 * INNER)
        for member, name in enumerate(("gate", "up")):
            rows = interleaved(both, HIDDEN * 2, member)
            self.gguf[f"{gguf}ffn_{name}_exps.weight"] = "BF16", [EXPERTS, INNER, HIDDEN], rows
        down = self.random(f"{hf}down_proj", [EXPERTS, INNER, HIDDEN], "BF16")
        self.gguf[f"{gguf}ffn_down_exps.weight"] = "BF16", [EXPERTS, HIDDEN, INNER], transposed(down, EXPERTS, INNER, HIDDEN)


def string(text):
    return struct.pack("<Q", len(text)) + text.encode()


def write_gguf(path, tensors):
    numbers = {"context_length": 131072, "embedding_length": HIDDEN, "block_count": LAYERS, "feed_forward_length": INNER,
               "expert_feed_forward_length": INNER, "attention.head_count": HEADS, "attention.head_count_kv": 1,
               "attention.key_length": 32, "attention.value_length": 32, "expert_count": EXPERTS, "expert_used_count": 2,
               "attention.sliding_window": 128, "rope.scaling.original_context_length": 4096}
    reals = {"attention.layer_norm_rms_epsilon": 1e-5, "rope.freq_base": 150000.0, "rope.scaling.factor": 32.0}
    entries = [("general.architecture", 8, string("gpt-oss")), ("gpt-oss.rope.scaling.type", 8, string("yarn"))]
    entries += [(f"gpt-oss.{key}", 4, struct.pack("<I", value)) for key, value in numbers.items()]
    entries += [(f"gpt-oss.{key}", 6, struct.pack("<f", value)) for key, value in reals.items()]
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries))
    head += b"".join(string(key) + struct.pack("<I", kind) + value for key, kind, value in entries)
    data = b""
    for name, (dtype, shape, content) in tensors.items():
        head += string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *reversed(shape), TYPES[dtype], len(data))
        data += content + bytes(-len(content) % 32)
    path.write_bytes(head + bytes(-len(head) % 32) + data)


def check(work, name, unpacked):
    conversion = Conversion(unpacked)
    model = work / f"gpt-oss-{name}.gguf"
    write_gguf(model, conversion.gguf)
    for more in ([], ["--max-file-size", "64K"]):
        folder = work / f"gpt-oss-{name}{len(more)}"
        # 1: there is no vocabulary.
        status = subprocess.run(["gguf-hfstub", "-q", "--weights", "copy", *more, "-o", folder, model], check=False).returncode
        require(status == 1, f"{name}: exit status {status}")
        wanted = dict(CONFIG) if unpacked else {**CONFIG, "quantization_config": QUANTIZATION}
        differing = list(differing_keys(wanted, json.loads((folder / "config.json").read_text())))
        require(not differing, f"{name}: config.json: {', '.join(differing)}")
        stub = Stub(folder)
        require(set(stub.tensors) == set(conversion.original), f"{name}: {set(stub.tensors) ^ set(conversion.original)}")
        for tensor, (dtype, shape, content) in conversion.original.items():
            got = stub.tensors[tensor]
            require((got["dtype"], got["shape"]) == (dtype, shape), f"{name}: {tensor}: {got}, wanted {dtype} {shape}")
            require(stub.read(tensor) == content, f"{name}: {tensor}: other bytes")
    print(f"gpt-oss, {name}: {len(conversion.original)} tensors equal in bits")


def main():
    work = pathlib.Path(sys.argv[1])
    check(work, "MXFP4", False)
    check(work, "unpacked", True)


if __name__ == "__main__":
    main()
