"""Holds the table of services against Google's discovery documents, which come with google-api-python-client.

Reads what `opwatch services --json` prints from standard input. For each row it prints what its document contradicts, or that there
is no document; nothing else. A row's document is that of its id and version. Of a row with a form of its own each field that it reads
must be in the schema of the answer, and each word of a state among the enums of those fields.
"""

import json
import pathlib
import re
import sys

import googleapiclient.discovery_cache

DOCUMENTS = pathlib.Path(googleapiclient.discovery_cache.__file__).parent / "documents"


def methods(resource):
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from methods(inner)


def path_of(method, document):
    """A regular expression for the paths of a method."""

    def part(match):
        name = match.group(1)
        pattern = method["parameters"][name.lstrip("+")].get("pattern")
        return pattern.lstrip("^").rstrip("$") if pattern else ".+" if name[0] == "+" else "[^/]+"

    path = document["servicePath"] + method["path"]
    literal = re.split(r"\{([^}]*)\}", path)
    return "".join(
        part(re.match(r"(.*)", text)) if index % 2 else re.escape(text) for index, text in enumerate(literal)
    )


def example(form):
    return re.sub(r"\{[^}]*\}", "x", form.replace("**}", "}"))


def schema_at(document, schema, path):
    """The schema of what a path of a row leads to; None when there is no such field."""
    for step in path.split("."):
        while "$ref" in schema:
            schema = document["schemas"][schema["$ref"]]
        if schema.get("type") == "array":
            if "=" in step and step.split("=")[0] not in properties(document, schema["items"]):
                return None
            schema = schema["items"]
        elif step == "*":
            schema = schema.get("additionalProperties")
        elif schema.get("type") == "any":
            return schema
        else:
            # A map has any key.
            schema = properties(document, schema).get(step, schema.get("additionalProperties"))
        if schema is None:
            return None
    return schema


def properties(document, schema):
    while "$ref" in schema:
        schema = document["schemas"][schema["$ref"]]
    return schema.get("properties", {})


def main():
    for row in json.load(sys.stdin):
        version = re.search(r"v\d+\w*", row["version"]).group(0)
        file = DOCUMENTS / f"{row['id'].split('.')[0]}.{version}.json"
        if not file.exists():
            print(f"{row['id']}: no document")
            continue
        document = json.loads(file.read_text())
        host = re.sub(r"\{(location|region)\}-", "", row["base"])
        if document["rootUrl"] != f"{host}/":
            print(f"{row['id']}: the host is {document['rootUrl']}, not {host}/")
        gets = [method for method in methods(document) if method["httpMethod"] == "GET"]
        if row["kind"] == "operation":
            gets = [get for get in gets if get.get("response", {}).get("$ref", "").endswith("Operation")]
        answers = set()
        for path in row["paths"]:
            # The parts between a location and an operation are those of many resources.
            if "{kind}" in path:
                continue
            path, _, query = example(path).partition("?")
            fitting = [get for get in gets if re.fullmatch(path_of(get, document), path)]
            if not fitting:
                print(f"{row['id']}: no operation is at {path}")
            for get in fitting:
                answers.add(get["response"]["$ref"])
                if query and query.split("=")[0] not in get["parameters"]:
                    print(f"{row['id']}: {path} has no parameter {query}")
        if row["detail"]:
            path = example(row["detail"]["path"]).partition("?")[0]
            fitting = [get for get in methods(document) if re.fullmatch(path_of(get, document), path)]
            if not any(schema_at(document, get["response"], row["detail"]["texts"]) for get in fitting):
                print(f"{row['id']}: no text of a failure is at {path}")
        if not row["reads"]:
            continue
        for answer in sorted(answers):
            known = set()
            for path in row["reads"]:
                found = schema_at(document, {"$ref": answer}, path)
                if found is None:
                    print(f"{row['id']}: {answer} has no {path}")
                else:
                    known.update(found.get("enum", []))
            for word in row["words"] if known else []:
                if word not in known:
                    print(f"{row['id']}: {answer} has no state {word}")


if __name__ == "__main__":
    main()
