"""Validates TOOL.*.json against SCHEMAS/TOOL.schema.json. Every form that a schema offers must have been met, so that
none outlives its output. Usage: validate.py SCHEMAS DOCUMENT..."""
import json
import pathlib
import sys

import jsonschema


def forms(schema):
    """The schema's alternatives with a name for each; of gguf-inspect, which has one, those of its list."""
    for form in schema.get("anyOf", [schema]):
        files = form["properties"].get("files", {}).get("items", {})
        for choice in files.get("anyOf", [None]):
            narrowed = {**form, "$defs": schema["$defs"]}
            if choice:
                files = {"type": "array", "minItems": 1, "items": choice}
                narrowed["properties"] = {**form["properties"], "files": files}
            yield choice["$ref"] if choice else form.get("description", "the only form"), narrowed


def main():
    schemas = {path.name.split(".")[0]: json.loads(path.read_text())
               for path in pathlib.Path(sys.argv[1]).glob("*.schema.json")}
    met, bad = set(), 0
    for path in map(pathlib.Path, sys.argv[2:]):
        tool = path.name.split(".")[0]
        try:
            document = json.loads(path.read_text())
            jsonschema.Draft202012Validator(schemas[tool]).validate(document)
        except (json.JSONDecodeError, jsonschema.ValidationError) as error:
            bad += 1
            print(f"{path.name}: {str(error)[:2000]}")
            continue
        met.update((tool, name) for name, form in forms(schemas[tool])
                   if jsonschema.Draft202012Validator(form).is_valid(document))
    missed = {(tool, name) for tool, schema in schemas.items() for name, _ in forms(schema)} - met
    for tool, name in sorted(missed):
        print(f"{tool}: no output for {name}")
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    print(f"{len(sys.argv) - 2} documents, {bad} not as their schema says")
    sys.exit(bool(bad or missed))


main()
