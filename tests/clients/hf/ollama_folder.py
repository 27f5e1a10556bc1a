"""A reader of Ollama's models folder, as strict as its Go structs, on what gguf-hfstub --ollama writes.

Usage: ollama_folder.py MODEL WORK, with gguf-hfstub in PATH.
"""
import hashlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYERS = {f"application/vnd.ollama.image.{kind}"
          for kind in ("model", "projector", "template", "system", "params", "license")}


def require(condition, message):
    if not condition:
        raise SystemExit(message)


def register(models, *arguments):
    return subprocess.run(["gguf-hfstub", "-q", "--ollama-dir", models, *arguments], check=False,
                          stderr=subprocess.DEVNULL).returncode


def blob(models, layer, media_types):
    require(set(layer) == {"mediaType", "digest", "size"}, f"odd layer {layer}")
    require(layer["mediaType"] in media_types, f"odd media type {layer['mediaType']}")
    require(re.fullmatch("sha256:[0-9a-f]{64}", layer["digest"]), f"odd digest {layer['digest']}")
    path = models / "blobs" / layer["digest"].replace(":", "-")
    data = path.read_bytes()
    require(len(data) == layer["size"], f"{path}: size")
    require(hashlib.sha256(data).hexdigest() == layer["digest"][7:], f"{path}: digest")
    return data


def check_model(models, model, name, tag):
    text = (models / "manifests/registry.ollama.ai/library" / name / tag).read_text()
    manifest = json.loads(text)
    require(list(manifest) == ["schemaVersion", "mediaType", "config", "layers"], "odd manifest")
    require(manifest["schemaVersion"] == 2 and manifest["mediaType"] == MANIFEST, "odd version")
    config = json.loads(blob(models, manifest["config"], {CONFIG}))
    require(config["model_format"] == "gguf" and config["model_families"][0] == config["model_family"], "config")
    require({"model_type", "file_type", "architecture", "os"} <= set(config), "config lacks members")
    contents = {layer["mediaType"].rsplit(".", 1)[1]: blob(models, layer, LAYERS) for layer in manifest["layers"]}
    require(contents["model"] == model.read_bytes(), "other bytes than the model's")
    if "params" in contents:
        require(isinstance(json.loads(contents["params"]), dict), "params")
    return contents


def check_killed_run(models, large):
    """Killed at any time, a run leaves no manifest that names a blob that is not whole."""
    for delay in (0.0, 0.01, 0.03, 0.1):
        run = subprocess.Popen(["gguf-hfstub", "-q", "--ollama-dir", models, "--ollama", "killed", large])
        time.sleep(delay)
        run.send_signal(signal.SIGKILL)
        run.wait()
        manifest = models / "manifests/registry.ollama.ai/library/killed/latest"
        if manifest.exists():
            check_model(models, large, "killed", "latest")
            manifest.unlink()


def check_set(work, source):
    """Shards and a projector are a layer each, in their order."""
    models = work / "ollama-set"
    models.mkdir()
    subprocess.run(["gguf-shard", "-q", "--tensors", "7", "-o", work / "set", source], check=True)
    shards = sorted(work.glob("set-*.gguf"))
    projector = work / "projector.gguf"
    subprocess.run(["make-gguf", "-o", projector], check=True, text=True,
                   input="kv general.architecture str clip\ntensor v.patch_embd.weight F32 64\n")
    require(register(models, "--ollama", "set", "--mmproj", projector, shards[-1]) == 0, "set: failed")
    manifest = json.loads((models / "manifests/registry.ollama.ai/library/set/latest").read_text())
    files = [blob(models, layer, LAYERS) for layer in manifest["layers"]][:len(shards) + 1]
    require(files == [path.read_bytes() for path in [*shards, projector]], "set: other bytes or another order")
    kinds = [layer["mediaType"].rsplit(".", 1)[1] for layer in manifest["layers"]][:len(shards) + 1]
    require(kinds == ["model"] * len(shards) + ["projector"], f"set: {kinds}")
    config = json.loads(blob(models, manifest["config"], {CONFIG}))
    require(config["model_families"] == ["llama", "clip"], f"set: {config}")


def main():
    model, work = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    source = work / "ollama.gguf"
    source.write_bytes(model.read_bytes())
    for link in ("auto", "hard", "symlink"):
        models = work / f"ollama-{link}"
        models.mkdir()
        require(register(models, "--ollama", f"mine:{link}", "--link", link, source) == 0, f"{link}: failed")
        check_model(models, source, "mine", link)
        require(register(models, "--ollama", f"mine:{link}", source) == 2, "a name was taken over")
        require(register(models, "--ollama", f"mine:{link}", "-f", "--system", "be kind", source) == 0, "force")
        require(check_model(models, source, "mine", link)["system"] == b"be kind", "system")
        kinds = [path for path in (models / "blobs").iterdir() if path.is_symlink()]
        require(len(kinds) == (1 if link == "symlink" else 0), f"{link}: {kinds}")
    check_set(work, source)
    if (work / "large.gguf").exists():
        check_killed_run(models, work / "large.gguf")
    if os.geteuid() != 0:
        models.chmod(0o500)
        require(register(models, "--ollama", "other", source) == 2, "wrote without permission")
    print("manifests, configs and blobs are as Ollama's")


if __name__ == "__main__":
    main()
