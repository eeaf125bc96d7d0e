"""Prints samples of the metadata of long-running operations, made from Google's discovery documents.

Reads what `opwatch services --json` prints from standard input. For each service with standard operations it looks for the schemas that
only an operation's `metadata` can have: those called ...Metadata or ...Progress that no request, no answer and no other schema leads to. Those of
locations, data sets and objectives are left out, and copies for other versions count once. Prints a JSON array of objects with
`service`, `type`, `fields` (their number) and `metadata`, in which each field has a value.
"""

import json
import re
import sys

import conformance

DEPTH = 4
TIME = "2026-11-20T03:00:00Z"


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def reached(document):
    """The schemas that requests and answers lead to."""
    found = set()
    new = set(references(document.get("resources", {})))
    while new:
        found |= new
        new = {inner for name in new for inner in references(document["schemas"][name])} - found
    return found


def sample(document, schema, name, depth):
    if "$ref" in schema:
        if depth == 0:
            return None
        return sample(document, document["schemas"][schema["$ref"]], name, depth - 1)
    kind, form = schema.get("type"), schema.get("format")
    if kind == "object":
        fields = {key: sample(document, inner, key, depth) for key, inner in schema.get("properties", {}).items()}
        if "additionalProperties" in schema:
            fields["key"] = sample(document, schema["additionalProperties"], name, depth)
        return {key: value for key, value in fields.items() if value is not None}
    if kind == "array":
        item = sample(document, schema["items"], name, depth)
        return None if item is None else [item]
    if kind == "boolean":
        return False
    if kind in ("integer", "number"):
        return 42
    if kind == "any":
        return {}
    if form == "google-datetime" or (form is None and re.search(r"[Tt]ime$", name)):
        return TIME
    if form in ("int64", "uint64"):
        return "42"
    if form == "google-duration":
        return "42s"
    if "enum" in schema:
        return schema["enum"][-1]
    return "projects/my-project/locations/us-central1/things/main"


def main():
    samples, seen = [], set()
    for row in json.load(sys.stdin):
        if row["kind"] != "operation" or row["reads"]:
            continue
        version = re.search(r"v\d+\w*", row["version"]).group(0)
        api = row["id"].split(".")[0]
        file = conformance.DOCUMENTS / f"{api}.{version}.json"
        if not file.exists():
            continue
        document = json.loads(file.read_text())
        # What is a part of another schema is no metadata of its own.
        known = reached(document) | {inner for schema in document["schemas"].values() for inner in references(schema)}
        for name, schema in sorted(document["schemas"].items()):
            if name in known or not re.search(r"(Metadata|Metatdata)(V\d\w*)?$|Progress$", name):
                continue
            if re.search(r"Location|Dataset|Slo|Objective", name):
                continue
            key = (api, re.sub(r"V\d+((alpha|beta)\d*)?(main|p\d)?|(Alpha|Beta)\d*", "", name))
            if key in seen:
                continue
            seen.add(key)
            metadata = sample(document, schema, name, DEPTH) or {}
            fields = len(schema.get("properties", {}))
            samples.append({"service": row["id"], "type": name, "fields": fields, "metadata": metadata})
    print(json.dumps(samples))


if __name__ == "__main__":
    main()
